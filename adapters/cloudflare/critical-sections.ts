import type { ObjectContext } from './platform.ts'

/**
 * Returns what tells whether a critical section of the object's is open. Nothing may be waited for in one: the runtime
 * fires timers in their order, so that one from outside, which has to wait, holds up those within.
 */
export function watchCriticalSections(ctx: ObjectContext): () => boolean {
  const { blockConcurrencyWhile } = ctx
  let open = 0
  ctx.blockConcurrencyWhile = (section) =>
    blockConcurrencyWhile.call(ctx, async () => {
      open++
      try {
        return await section()
      } finally {
        open--
      }
    })
  return () => open > 0
}
