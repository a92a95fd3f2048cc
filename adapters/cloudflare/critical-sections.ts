import type { ObjectContext, ObjectStorage } from './platform.ts'

/**
 * Returns what tells whether a critical section of the object's is open: a `blockConcurrencyWhile()` or a transaction.
 * Nothing may be waited for in one: the runtime fires timers in their order, so that one from outside, which has to wait,
 * holds up those within.
 */
export function watchCriticalSections(ctx: ObjectContext): () => boolean {
  const { blockConcurrencyWhile, storage } = ctx
  const { transaction } = Object(storage) as ObjectStorage
  let open = 0
  const watched =
    <Args extends unknown[], Result>(section: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      open++
      try {
        return await section(...args)
      } finally {
        open--
      }
    }
  // Not where a test has frozen them, or has none.
  Reflect.set(ctx, 'blockConcurrencyWhile', (section: () => Promise<void>) =>
    blockConcurrencyWhile.call(ctx, watched(section)),
  )
  const own: ObjectStorage['transaction'] = (closure, ...options) =>
    transaction.call(storage, watched(closure), ...options)
  Reflect.set(Object(storage), 'transaction', own)
  return () => open > 0
}
