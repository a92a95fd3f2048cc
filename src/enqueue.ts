import { flushLater, trigger } from './background.ts'
import { type Delivery, isHalfFull, isHeavy } from './delivery.ts'
import { GFluxNodeError } from './errors.ts'
import type { FlushResult } from './flush-result.ts'
import { tripGuard } from './guard.ts'
import { maxBatchEvents, type QueuedEvent } from './queue.ts'
import { firstOf } from './wait.ts'

/** How long a call waits at most for room in the queue: a function may have no more than three seconds. */
const keepUpMs = 2000
/** How many flushes of few large events are under way at most, about: each looks at all batches now and then. */
const maxCrowdFlushes = 1000

/** Queues an event, which `hold` gives a lifetime. Returns what its `track()` waits for, if anything. */
export function enqueue(
  delivery: Delivery,
  event: QueuedEvent,
  hold: (event: QueuedEvent) => void,
): Promise<FlushResult | null> | undefined {
  const { config, journal, queue, recent } = delivery
  const { flushAt, flushIntervalMs, maxQueueBytes, maxQueueSize } = config
  const isFull = queue.size >= maxQueueSize || queue.bytes + event.bytes > maxQueueBytes
  const recorded = journal?.record(event, isFull)
  if (isFull) {
    const retryAfterMs = flushLater(delivery)
    const message = `The queue is full (${queue.size} events, ${queue.bytes} bytes): await track(), or raise maxQueueSize or maxQueueBytes`
    const isTooLarge = event.bytes > maxQueueBytes // however often it is tried
    if (!recorded)
      throw new GFluxNodeError('queue_overflow', message, isTooLarge ? {} : { retryable: true, retryAfterMs })
    hold(event)
    return recorded.then(() => null)
  }
  queue.open.push(event)
  queue.size++
  queue.bytes += event.bytes
  recent.push(event)
  hold(event)
  const isFlushedAnyway = event.hold || delivery.invocations > 0
  const isDue = recent.length >= Math.min(flushAt, maxQueueSize)
  // From half a queue on calls do their part, so that those which are awaited never find it full. A journal has room.
  const isHelping =
    recorded === undefined && isHeavy(delivery)
      ? recent.length >= queue.size / maxCrowdFlushes
      : isFlushedAnyway && isHalfFull(delivery) && recent.length >= maxBatchEvents
  const flushed = isDue || isHelping ? trigger(delivery) : undefined
  if (!flushed && flushIntervalMs) flushLater(delivery, flushIntervalMs)
  flushed?.catch(() => undefined) // reported through the logger and onDrop
  const isPerEvent = flushAt === 1
  // Nobody waits for the API whose event is on disk, or is flushed anyway when the invocation ends.
  if (recorded !== undefined) return recorded.then(() => (isPerEvent && flushed) || null)
  const isSeenTo = !isDue || (isFlushedAnyway && !isPerEvent)
  return flushed && isSeenTo ? keepUp(delivery, flushed) : flushed
}

/**
 * From half a queue on a call waits for a flush, so that a loop does not outrun the API; but for one that answers
 * nothing only once, until it does.
 */
async function keepUp(delivery: Delivery, flushed: Promise<FlushResult>): Promise<FlushResult | null> {
  const { guard, ports, queue } = delivery
  if (guard.failures || !isHalfFull(delivery)) return null
  const batches = [...queue.batches]
  const now = delivery.now()
  const result = await firstOf(ports, [flushed.catch(() => null)], keepUpMs)
  const isSilent =
    result === undefined && batches[0] && batches.every((batch) => queue.batches.includes(batch))
  if (isSilent) tripGuard(guard, delivery.now(), now)
  return result ?? null
}
