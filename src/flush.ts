import { attempt } from './attempt.ts'
import type { Delivery } from './delivery.ts'
import { GFluxNodeError } from './errors.ts'
import { type FlushResult, flushResult } from './flush-result.ts'
import { closedMs, pauseGuard, probeMs, tripGuard } from './guard.ts'
import { acceptBatch, dropExpired, isBatchAnswer, refuseBatch } from './outcome.ts'
import { type Batch, type QueuedEvent, sealBatch } from './queue.ts'
import { backoffMs, maxRetryAfterMs } from './retry.ts'
import { firstOf } from './wait.ts'

/**
 * What a flush does while the API is known to be down: `try` sends all the same, `skip` returns at once with the
 * events pending, `wait` waits a few seconds for the next probe and then returns.
 */
export type IfDown = 'try' | 'skip' | 'wait'

export interface FlushLimits {
  /** When it must be over, in milliseconds since the epoch. */
  deadline: number
  /** What has begun by then may go on. */
  isSoft?: boolean
  ifDown: IfDown
  signal?: AbortSignal | undefined
}

const patienceMs = 5_000
const maxPollMs = 1_000
const leaseGraceMs = 1_000
/** A request ends before its lease, also where requests have no time limit. */
const maxTimeoutMs = 300_000

/**
 * One flush: claims batches under a lease and sends them with I/O of its own, until the events it covers are settled
 * or its limits are reached. Batches that other flushes hold it watches on its own timer, over plain data: on Workers
 * another invocation's promise may never settle, on Lambda its timer may be frozen.
 *
 * Resolves to the result for the events covered; rejects when retries are exhausted or a batch is refused.
 */
export async function startFlush(
  delivery: Delivery,
  events: readonly QueuedEvent[],
  limits: FlushLimits,
): Promise<FlushResult> {
  const { guard, log, ports, rounds } = delivery
  const { deadline, ifDown, isSoft, signal } = limits
  /** An invocation's, which knows what it may take. */
  const isBudgeted = deadline < Infinity && !isSoft
  if (!delivery.triggered) delivery.recent = []
  const sends = new Set<Promise<void>>()
  /** The events covered, once all are sealed without the settled ones. */
  let left = events
  let pollMs = 4
  let hasSent = false

  const isExhausted = (batch: Batch): boolean => batch.exhausted > rounds
  /**
   * When to send a batch, or to look whether another flush has. Where nobody waits for an API that is down, one whose
   * retries are exhausted waits for a later flush.
   */
  const readyAt = (batch: Batch, now: number): number => {
    if (ifDown !== 'wait' && isExhausted(batch)) return Infinity
    return batch.leasedUntil > now ? now + pollMs : batch.notBefore
  }

  /** When there may be something to do for the events covered; `Infinity` where nothing is left. */
  const dueAt = (now: number): number => {
    if (left[0] && !left.at(-1)?.batch) return 0 // events are sealed in order
    left = left.filter(({ settlement }) => !settlement)
    return left.reduce((at, { batch }) => Math.min(at, readyAt(batch as Batch, now)), Infinity)
  }

  const start = (batch: Batch, now: number): void => {
    hasSent = true
    const sent = send(delivery, batch, now, limits).finally(() => sends.delete(sent))
    sends.add(sent)
    sent.catch(() => undefined) // `firstOf` sees it, unless the flush has ended
  }

  /** Starts what can be sent. Returns how long to wait for anything but the own sends. */
  const step = (now: number): number => {
    dropExpired(delivery, now)
    const restMs = closedMs(guard, now)
    // An API that is up asked for a pause: to wait for it is part of delivering, whoever met it.
    const isOwnPause = guard.failures < (hasSent || ifDown !== 'skip' ? 2 : isBudgeted ? 1 : 0)
    const maxRestMs = isOwnPause ? maxRetryAfterMs : ifDown === 'wait' ? patienceMs : 0
    if (now >= deadline || signal?.aborted || restMs > maxRestMs) return Infinity
    const isSendable = (batch: Batch): boolean => readyAt(batch, now) <= now
    let due = dueAt(now)
    while (restMs <= 0 && due <= now) {
      const batch = claim(delivery, now, isSendable)
      if (!batch) break
      start(batch, now)
      due = dueAt(now)
    }
    // Another flush probes, for all: nobody else waits for an API that is down.
    if (ifDown === 'skip' && guard.failures > 1 && !sends.size) return Infinity
    pollMs = Math.min(maxPollMs, pollMs * 1.2)
    const waitMs = Math.max(restMs, pollMs, due - now)
    // No wait is begun that the budget can't hold, nor in the background for an API that is down.
    if (now + waitMs < deadline && !(isSoft && guard.failures)) return waitMs
    // Nor do the flushes after this one begin it when less is left of it.
    const isPutOff = restMs > 0 && due < Infinity
    if (isPutOff && ifDown === 'skip' && isBudgeted && !guard.failures) tripGuard(guard, now, now)
    return Infinity
  }

  if (ifDown === 'try') {
    guard.failures = 0
    for (const batch of delivery.queue.batches) batch.notBefore = 0
  }
  try {
    for (;;) {
      const waitMs = step(delivery.now())
      if (waitMs === Infinity && !sends.size) break
      await firstOf(ports, sends, waitMs, signal)
    }
  } catch (cause) {
    log.warn('The flush stopped', { cause }) // such as in Workers' global scope, where nothing may be sent
  }
  const refused = events.find(({ settlement }) => settlement?.failure)
  const stuck = events.find(({ batch, settlement }) => batch && !settlement && isExhausted(batch))
  // Where the caller's budget ended the flush, pending events are no failure.
  const isInTime = delivery.now() < deadline
  const error = refused?.settlement?.failure ?? (isInTime && stuck?.batch?.error)
  const result = flushResult(events)
  if (error) throw new GFluxNodeError(error.code, error.message, { ...error, result })
  if (result.pending) log.warn('Events stay queued', { pending: result.pending })
  return result
}

/** The next batch to send, within the concurrency. What the API failed at goes last: it must not block the others. */
function claim(
  { config, guard, ports, queue }: Delivery,
  now: number,
  isSendable: (batch: Batch) => boolean,
): Batch | undefined {
  const { batches, open } = queue
  const inFlight = batches.filter(({ leasedUntil }) => leasedUntil > now).length
  if (inFlight >= (guard.failures ? 1 : config.concurrency)) return undefined
  const [next] = batches.filter(isSendable).sort((a, b) => a.exhausted - b.exhausted)
  return open[0] && (!next || (guard.failures && next.exhausted)) ? sealBatch(queue, ports.randomId()) : next
}

/** One attempt under a lease, and what follows from it. */
async function send(
  delivery: Delivery,
  batch: Batch,
  now: number,
  { deadline, ifDown, isSoft, signal }: FlushLimits,
): Promise<void> {
  const { config, guard, journal, ports, queue } = delivery
  const { events, key, unknownSince } = batch
  const lease = ++batch.lease
  // Whoever asks for a flush by name wants the events there, also where the API has become slow.
  const maxMs = ifDown === 'try' ? Infinity : probeMs(guard)
  const timeoutMs = Math.min(config.timeoutMs || maxTimeoutMs, maxMs, isSoft ? Infinity : deadline - now)
  batch.leasedUntil = now + timeoutMs + leaseGraceMs
  batch.unknownSince ??= now // until it is known: this invocation may never come back
  const body = `{"events":[${events.map(({ json }) => json)}]}`
  const request = { config, path: 'events/batch', key, body, isAnswer: isBatchAnswer }
  const { answer, error, isUnknown } = await attempt(ports, request, timeoutMs, signal)
  pauseGuard(guard, delivery.now(), error?.retryAfterMs)
  if (!queue.batches.includes(batch)) return // another flush settled it meanwhile
  if (lease === batch.lease) {
    batch.leasedUntil = 0
    if (!isUnknown) {
      batch.unknownSince = unknownSince
      if (error?.retryable) journal?.notStored(batch)
    }
  } else if (error) return // another flush has reclaimed it, and decides
  if (!error?.retryable) {
    guard.failures = 0
    if (error) refuseBatch(delivery, batch, error)
    else acceptBatch(delivery, batch, answer)
  } else if (!signal?.aborted) retryLater(delivery, batch, error, now, deadline)
}

function retryLater(
  delivery: Delivery,
  batch: Batch,
  error: GFluxNodeError,
  attemptedAt: number,
  deadline: number,
): void {
  const { config, guard, log, ports } = delivery
  const { code, message, retryAfterMs = 0, status } = error
  const now = delivery.now()
  const attempts = ++batch.attempts
  // A socket that died while the process was frozen deserves a new one at once.
  const delayMs = code === 'network_error' && attempts === 1 ? 0 : backoffMs(attempts, ports.random())
  const isLast = guard.failures > 0 || attempts > config.maxRetries || retryAfterMs > maxRetryAfterMs
  batch.error = error
  batch.notBefore = now + delayMs
  if (isLast || now + delayMs >= deadline) tripGuard(guard, now, attemptedAt)
  if (isLast) {
    batch.exhausted = ++delivery.rounds
    batch.attempts = batch.notBefore = 0
  }
  const context = { code, status, error: message, attempts, delayMs, events: batch.events.length }
  log[isLast ? 'warn' : 'debug'](isLast ? 'Retries are exhausted' : 'Retrying a batch', context)
}
