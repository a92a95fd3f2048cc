import { deliveryOf } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { flushQuietly } from '../shared/flush-quietly.ts'

/**
 * Flushes, waits for calls that nobody awaits, by `settleCalls`, and flushes once more what came meanwhile from work that
 * the handler did not wait for: then the environment freezes. Where other invocations run, they see to that. Never
 * rejects.
 */
export async function flushWithLatecomers(
  gflux: Flushable,
  budgetMs: number,
  settleCalls: (ms: number) => Promise<void>,
): Promise<void> {
  const endsAt = Date.now() + budgetMs
  const flush = (): Promise<number> =>
    flushQuietly(gflux, { timeoutMs: Math.max(0, endsAt - Date.now()), ifDown: 'skip' })
  const called = settleCalls(budgetMs)
  const pending = await flush()
  await called
  const delivery = deliveryOf(gflux)
  if (delivery && delivery.queue.size > pending && !delivery.invocations) await flush()
}
