import { deliveryOf } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { flushQuietly } from '../shared/flush-quietly.ts'

/**
 * Flushes, and once more what came meanwhile from work that the handler did not wait for: then the environment freezes.
 * Where other invocations run, they see to that. Never rejects.
 */
export async function flushWithLatecomers(gflux: Flushable, budgetMs: number): Promise<void> {
  const endsAt = Date.now() + budgetMs
  const flush = (): Promise<number> =>
    flushQuietly(gflux, { timeoutMs: Math.max(0, endsAt - Date.now()), ifDown: 'skip' })
  const pending = await flush()
  const delivery = deliveryOf(gflux)
  if (delivery && delivery.queue.size > pending && !delivery.invocations) await flush()
}
