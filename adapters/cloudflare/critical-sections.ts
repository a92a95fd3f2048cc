import type { ObjectContext } from './platform.ts'

/**
 * Returns what tells whether a critical section of the object's is open: a `blockConcurrencyWhile()` or a transaction.
 * Nothing may be waited for in one: the runtime fires timers in their order, so that one from outside, which has to wait,
 * holds up those within.
 */
export function watchCriticalSections(ctx: ObjectContext): () => boolean {
  const { blockConcurrencyWhile, storage } = ctx
  const { transaction } = storage
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
  ctx.blockConcurrencyWhile = (section) => blockConcurrencyWhile.call(ctx, watched(section))
  storage.transaction = (closure) => transaction.call(storage, watched(closure))
  return () => open > 0
}
