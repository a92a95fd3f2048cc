import { deliveryOf } from '../../src/adapter.ts'
import type { Flushable, GFluxNodeError } from '../../src/index.ts'

/**
 * Flushes, and once more what came meanwhile from work that the handler did not wait for: the environment freezes after
 * it. Where other invocations run, they will see to that. Never rejects: what fails is reported through the logger and
 * onDrop, what can be sent is still queued.
 */
export async function flushAll(gflux: Flushable, budgetMs: number): Promise<void> {
  const endsAt = Date.now() + budgetMs
  const flush = async (): Promise<number> => {
    try {
      const timeoutMs = Math.max(0, endsAt - Date.now())
      return (await gflux.flush({ timeoutMs, ifDown: 'skip' })).pending
    } catch (error) {
      return (error as GFluxNodeError).result?.pending ?? 0
    }
  }
  const pending = await flush()
  const delivery = deliveryOf(gflux)
  if (delivery && delivery.queue.size > pending && !delivery.invocations) await flush()
}
