import { type Delivery, queuedEvents } from './delivery.ts'
import { startFlush } from './flush.ts'
import type { FlushResult } from './flush-result.ts'
import { closedMs } from './guard.ts'
import { safely } from './log.ts'
import type { QueuedEvent } from './queue.ts'

/** When what is left of a background flush, or a full queue, is flushed again at the earliest. */
const retryMs = 1000

/**
 * One flush for all that is tracked in one synchronous run of code: a burst starts no second one. It may not be joined
 * later, when the code that runs may belong to another invocation.
 */
export function trigger(delivery: Delivery): Promise<FlushResult> {
  delivery.triggered ??= Promise.resolve().then(() => {
    const { recent } = delivery
    delivery.triggered = undefined
    return flushInBackground(delivery, recent)
  })
  return delivery.triggered
}

/** What is not settled is tried again by a timer, which holds no process open. */
export function flushInBackground(delivery: Delivery, events: readonly QueuedEvent[]): Promise<FlushResult> {
  const limits = delivery.backgroundLimits(delivery.now())
  return startFlush(delivery, events, { ...limits, ifDown: 'skip' }).finally(() => {
    if (events.some(({ settlement }) => !settlement)) flushLater(delivery)
  })
}

/**
 * Flushes by a timer, when the API need not be left alone any more. Returns the delay in milliseconds. A timer dies with
 * the invocation that made it, so one that is overdue is made anew.
 */
export function flushLater(delivery: Delivery, minMs: number = retryMs): number {
  const { guard, isClosed, ports, timerDueAt } = delivery
  const now = delivery.now()
  const delayMs = Math.max(minMs, closedMs(guard, now))
  const dueAt = now + delayMs
  const isTooLate = timerDueAt > dueAt
  const isOverdue = now >= timerDueAt + delayMs
  if (isClosed || !(isTooLate || isOverdue)) return delayMs
  if (isTooLate) safely(() => delivery.stopTimer?.())
  delivery.timerDueAt = dueAt
  const flush = (): Promise<FlushResult> => {
    delivery.timerDueAt = 0
    return flushInBackground(delivery, queuedEvents(delivery))
  }
  safely(() => {
    delivery.stopTimer = ports.timer(delayMs, () => safely(flush), true)
  })
  return delayMs
}
