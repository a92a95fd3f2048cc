import type { ObjectStorage, ObjectTransaction } from './platform.ts'

interface Watcher {
  /** Has to be over before a transaction begins. */
  ready(): Promise<void>
  /** A transaction of the user's has begun: a synchronous one has no `tx`. Returns what to do when it is undone. */
  begun(tx?: ObjectTransaction): () => void
  /** Everything is being deleted, what is ours with it. Resolves when that is stored again. */
  deleted(): Promise<void>
}

/** While a transaction of the user's is open, which may undo what is written: resolves when it is over. */
export type TransactionEnd = () => Promise<unknown> | undefined

/** Watches the transactions and `deleteAll()` of a storage that isn't the user's alone. */
export function watchStorage(storage: ObjectStorage, { begun, deleted, ready }: Watcher): TransactionEnd {
  const { deleteAll, transaction, transactionSync } = storage
  let over: Promise<unknown> | undefined

  Object.assign(storage, {
    async deleteAll(options: unknown): Promise<void> {
      const result = deleteAll.call(storage, options)
      await Promise.all([result, !over && deleted()]) // within a transaction it is refused
    },

    async transaction(
      closure: (tx: ObjectTransaction) => unknown,
      ...options: readonly unknown[]
    ): Promise<unknown> {
      let undo: (() => void) | undefined
      let end: (() => void) | undefined
      const run = async (tx: ObjectTransaction): Promise<unknown> => {
        // Else it is within another one.
        over ??= new Promise<void>((resolve) => {
          end = () => {
            over = undefined
            resolve()
          }
        })
        await ready()
        undo = begun(tx)
        const { rollback } = tx
        tx.rollback = () => {
          rollback.call(tx)
          undo?.()
        }
        return closure(tx)
      }
      try {
        return await transaction.call(storage, run, ...options)
      } catch (error) {
        undo?.()
        throw error
      } finally {
        end?.() // before the caller goes on
      }
    },

    transactionSync(closure: () => unknown): unknown {
      const undo = begun()
      try {
        return transactionSync.call(storage, closure)
      } catch (error) {
        undo()
        throw error
      }
    },
  })
  return () => over
}
