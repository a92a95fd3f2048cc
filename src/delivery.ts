import { createClock } from './clock.ts'
import type { ResolvedConfig, WaitUntil } from './config.ts'
import { type FlushLimits, startFlush } from './flush.ts'
import type { FlushResult } from './flush-result.ts'
import { createGuard, type Guard } from './guard.ts'
import type { Journal } from './journal.ts'
import { createLog, type Log } from './log.ts'
import type { Ports } from './ports.ts'
import { leaseGraceMs, type Queue, type QueuedEvent } from './queue.ts'
import type { Turn } from './turn.ts'

/** What all clients made by `with()` share. */
export interface Delivery {
  readonly config: ResolvedConfig
  readonly ports: Ports
  /** Milliseconds since the epoch, but never less than before: nobody waits for the time that a clock repeats. */
  now(): number
  readonly log: Log
  readonly queue: Queue
  readonly guard: Guard
  /** Of the calls that an invocation's end waits for: the API may fail at these alone. */
  readonly callGuard: Guard
  journal?: Journal
  /** Invocations under way whose end flushes. */
  invocations: number
  /** When the newest of them has to be over, and what it waits for with it. */
  endsAt: number
  /** Asked for each event, and each call: the lifetime of the code it comes from, where the client has no `waitUntil`. */
  lifetime?: (event?: QueuedEvent) => WaitUntil | undefined
  /** Calls under way that no lifetime holds: did the API answer? None rejects. */
  readonly calls: Set<Promise<boolean>>
  /** Of their requests under way. */
  readonly turns: Set<Turn>
  /** Calls that wait for a turn. */
  waiting: number
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
  const now = createClock(ports)
  return {
    config,
    ports,
    now,
    log: createLog(config.logger, now),
    queue: { open: [], batches: [], size: 0, bytes: 0 },
    guard: createGuard(),
    callGuard: createGuard(),
    isClosed: false,
    rounds: 0,
    recent: [],
    timerDueAt: 0,
    invocations: 0,
    endsAt: Infinity,
    calls: new Set(),
    turns: new Set(),
    waiting: 0,
    backgroundLimits: () => ({ deadline: Infinity }),
    flush(events, limits) {
      return startFlush(this, events, limits)
    },
  }
}

/**
 * Returns what tells how long the invocation under way has left. Whoever asks long after its end was frozen at it, and
 * belongs to no one.
 */
export function invocationTime(delivery: Delivery): () => number {
  const endsAt = delivery.invocations > 0 ? delivery.endsAt : Infinity
  return () => {
    const ms = endsAt - delivery.now()
    return ms < -leaseGraceMs ? Infinity : Math.max(0, ms)
  }
}

export function isHalfFull(delivery: Delivery): boolean {
  return 2 * delivery.queue.size > delivery.config.maxQueueSize || isHeavy(delivery)
}

/** Is it half full by bytes? */
export function isHeavy({ config, queue }: Delivery): boolean {
  return 2 * queue.bytes > config.maxQueueBytes
}

/** Does nobody see to it? No lifetime holds it, or its batch waits for another attempt or was abandoned. */
export function isOrphan({ batch, hold }: QueuedEvent, now: number): boolean {
  return batch ? batch.leasedUntil <= now : !hold
}

/** Events that nobody sees to, such as what an earlier invocation had to leave. */
export function orphansIn(delivery: Delivery): QueuedEvent[] {
  const now = delivery.now()
  return queuedEvents(delivery).filter((event) => isOrphan(event, now))
}

/** What a flush of everything covers, oldest first. */
export function queuedEvents({ queue: { batches, open } }: Pick<Delivery, 'queue'>): QueuedEvent[] {
  return batches.flatMap(({ events }) => events).concat(open)
}

/** Where a client keeps its delivery: the same place in every copy of this package. */
export const deliveryKey: unique symbol = Symbol.for('@getfluxly/node/inside')

/** What an adapter of this package may know of a client besides its public API: `undefined` for what is none of ours. */
export function deliveryOf(gflux: unknown): Delivery | undefined {
  return (Object(gflux) as { [deliveryKey]?: Delivery })[deliveryKey]
}
