import type { ResolvedConfig, WaitUntil } from './config.ts'
import { GFluxNodeError } from './errors.ts'
import { type FlushLimits, startFlush } from './flush.ts'
import type { FlushResult } from './flush-result.ts'
import { closedMs, type Guard, tripGuard } from './guard.ts'
import type { Journal } from './journal.ts'
import { createLog, type Log, safely } from './log.ts'
import type { Ports } from './ports.ts'
import type { Queue, QueuedEvent } from './queue.ts'
import { firstOf } from './wait.ts'

/** When what is left of a background flush, or a full queue, is flushed again at the earliest. */
const retryMs = 1000

/** How long a call waits at most for room in the queue: a function may have no more than three seconds. */
const keepUpMs = 2000

/** What all clients made by `with()` share. */
export interface Delivery {
  readonly config: ResolvedConfig
  readonly ports: Ports
  /** Milliseconds since the epoch, but never less than before: nobody waits for the time that a clock repeats. */
  now(): number
  readonly log: Log
  readonly queue: Queue
  readonly guard: Guard
  journal?: Journal
  /** Invocations under way whose end flushes. */
  invocations: number
  /** Asked for each event: the lifetime of the code that tracks it, where the client has no `waitUntil`. */
  lifetime?: (event: QueuedEvent) => WaitUntil | undefined
  /** How long a background flush may begin attempts: its waits hold the process open. */
  backgroundMs: number
  /** A flush of some of its events. */
  flush(events: readonly QueuedEvent[], limits: FlushLimits): Promise<FlushResult>
  isClosed: boolean
  /** What `shutdown()` waits for after its flush; never rejects. */
  onClose?: () => Promise<unknown>
  /** How often a batch's retries were exhausted. */
  rounds: number
  /** Events since the last flush: `flushAt` counts them. */
  recent: QueuedEvent[]
  triggered?: Promise<FlushResult> | undefined
  stopTimer?: () => void
  timerDueAt: number
}

export function createDelivery(config: ResolvedConfig, ports: Ports): Delivery {
  let latest = 0
  let aheadMs = 0
  const now = (): number => {
    const wall = ports.now()
    aheadMs = Math.max(aheadMs, latest - wall)
    latest = wall + aheadMs
    return latest
  }
  return {
    config,
    ports,
    now,
    log: createLog(config.logger, now),
    queue: { open: [], batches: [], size: 0, bytes: 0 },
    guard: { failures: 0, retryAt: 0, pausedUntil: 0, trippedAt: 0, answerMs: 0 },
    isClosed: false,
    rounds: 0,
    recent: [],
    timerDueAt: 0,
    invocations: 0,
    backgroundMs: Infinity,
    flush(events, limits) {
      return startFlush(this, events, limits)
    },
  }
}

interface Enqueued {
  /** The flush that the event made happen. */
  readonly flushed?: Promise<FlushResult> | undefined
  /** Where a journal records it: when that is done. */
  readonly recorded?: Promise<unknown> | undefined
}

export function enqueue(delivery: Delivery, event: QueuedEvent): Enqueued {
  const { config, journal, queue, recent } = delivery
  const { flushAt, flushIntervalMs, maxQueueBytes, maxQueueSize } = config
  const isFull = queue.size >= maxQueueSize || queue.bytes + event.bytes > maxQueueBytes
  const recorded = journal?.record(event, isFull)
  let flushed: Promise<FlushResult> | undefined
  if (isFull) {
    const retryAfterMs = flushLater(delivery)
    const message = `The queue is full: ${queue.size} events, ${queue.bytes} bytes`
    if (!recorded) throw new GFluxNodeError('queue_overflow', message, { retryable: true, retryAfterMs })
  } else {
    queue.open.push(event)
    queue.size++
    queue.bytes += event.bytes
    recent.push(event)
    if (recent.length >= Math.min(flushAt, maxQueueSize)) flushed = trigger(delivery)
    else if (flushIntervalMs) armTimer(delivery, flushIntervalMs)
  }
  return { flushed, recorded }
}

export function isHalfFull({
  config: { maxQueueBytes, maxQueueSize },
  queue: { bytes, size },
}: Delivery): boolean {
  return 2 * size > maxQueueSize || 2 * bytes > maxQueueBytes
}

/**
 * Waits for a flush, so that a loop does not outrun the API; but for one that answers nothing only once, until it does.
 */
export async function keepUp(
  delivery: Delivery,
  flushed: Promise<FlushResult> | undefined,
): Promise<FlushResult | null> {
  const { guard, ports, queue } = delivery
  if (!flushed || guard.failures) return null
  const batches = [...queue.batches]
  const now = delivery.now()
  const result = await firstOf(ports, [flushed.catch(() => null)], keepUpMs)
  const isSilent =
    result === undefined && batches[0] && batches.every((batch) => queue.batches.includes(batch))
  if (isSilent) tripGuard(guard, delivery.now(), now)
  return result ?? null
}

/** What a flush of everything covers, oldest first. */
export function queuedEvents({ queue: { batches, open } }: Pick<Delivery, 'queue'>): QueuedEvent[] {
  return batches.flatMap(({ events }) => events).concat(open)
}

/**
 * One flush for all that is tracked in one synchronous run of code: a burst starts no second one. It may not be joined
 * later, when the code that runs may belong to another invocation.
 */
function trigger(delivery: Delivery): Promise<FlushResult> {
  delivery.triggered ??= Promise.resolve().then(() => {
    const { recent } = delivery
    delivery.triggered = undefined
    return flushInBackground(delivery, recent)
  })
  return delivery.triggered
}

/** What is not settled is tried again by a timer, which holds no process open. */
export function flushInBackground(delivery: Delivery, events: readonly QueuedEvent[]): Promise<FlushResult> {
  const deadline = delivery.now() + delivery.backgroundMs
  const isSoft = delivery.backgroundMs < Infinity
  return startFlush(delivery, events, { deadline, isSoft, ifDown: 'skip' }).finally(() => {
    if (events.some(({ settlement }) => !settlement)) flushLater(delivery)
  })
}

/** Returns the delay in milliseconds. */
function flushLater(delivery: Delivery): number {
  const delayMs = Math.max(retryMs, closedMs(delivery.guard, delivery.now()))
  armTimer(delivery, delayMs)
  return delayMs
}

/** Flushes later. A timer dies with the invocation that made it, so one that is overdue is made anew. */
function armTimer(delivery: Delivery, delayMs: number): void {
  const { isClosed, ports, timerDueAt } = delivery
  const now = delivery.now()
  if (isClosed || now < timerDueAt + delayMs) return
  delivery.timerDueAt = now + delayMs
  const flush = (): Promise<FlushResult> => {
    delivery.timerDueAt = 0
    return flushInBackground(delivery, queuedEvents(delivery))
  }
  safely(() => {
    delivery.stopTimer = ports.timer(delayMs, () => safely(flush), true)
  })
}
