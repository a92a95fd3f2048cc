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
  /** Asked for each event, and each call: the lifetime of the code it comes from, where the client has no `waitUntil`. */
  lifetime?: (event?: QueuedEvent) => WaitUntil | undefined
  /** Calls under way that no lifetime holds; none rejects. */
  readonly calls: Set<Promise<unknown>>
  /** Of a background flush: its waits hold the process open. */
  backgroundLimits(now: number): Pick<FlushLimits, 'deadline' | 'isSoft'>
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
    calls: new Set(),
    backgroundLimits: () => ({ deadline: Infinity }),
    flush(events, limits) {
      return startFlush(this, events, limits)
    },
  }
}

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
  hold(event)
  flushed?.catch(() => undefined) // reported through the logger and onDrop
  // Nobody waits for the API whose event is on disk, or is flushed anyway when the invocation ends.
  const isSeenTo = flushAt > 1 && (recorded !== undefined || event.hold || delivery.invocations > 0)
  const awaited = !isSeenTo ? flushed : flushed && !recorded ? keepUp(delivery, flushed) : undefined
  return recorded === undefined ? awaited : recorded.then(() => awaited ?? null)
}

export function isHalfFull({ config, queue }: Delivery): boolean {
  return 2 * queue.size > config.maxQueueSize || 2 * queue.bytes > config.maxQueueBytes
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

/** Does nobody see to it? No lifetime holds it, or its batch waits for another attempt or was abandoned. */
export function isOrphan({ batch, hold }: QueuedEvent, now: number): boolean {
  return batch ? batch.leasedUntil <= now : !hold
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
  const limits = delivery.backgroundLimits(delivery.now())
  return startFlush(delivery, events, { ...limits, ifDown: 'skip' }).finally(() => {
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

/** Where a client keeps its delivery: the same place in every copy of this package. */
export const deliveryKey: unique symbol = Symbol.for('@getfluxly/node/inside')

/** What an adapter of this package may know of a client besides its public API: `undefined` for what is none of ours. */
export function deliveryOf(gflux: unknown): Delivery | undefined {
  return (Object(gflux) as { [deliveryKey]?: Delivery })[deliveryKey]
}
