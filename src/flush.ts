import type { Delivery } from './delivery.ts'
import { GFluxNodeError } from './errors.ts'
import { type FlushResult, flushResult } from './flush-result.ts'
import { closedMs, probeMs, tripGuard } from './guard.ts'
import { dropExpired } from './outcome.ts'
import { type Batch, type QueuedEvent, sealBatch } from './queue.ts'
import { maxRetryAfterMs } from './retry.ts'
import { leaseGraceMs, send } from './send.ts'
import { firstOf } from './wait.ts'

/**
 * What a flush does while the API is known to be down: `try` sends all the same, `skip` returns at once with the
 * events pending, `wait` waits a few seconds for the next probe.
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
/** An API that answered nothing for so long may be down. */
const silenceMs = 1_000
const maxPollMs = 1_000

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
  const { guard, log, ports, queue, rounds } = delivery
  const { deadline, ifDown, isSoft, signal } = limits
  /** It is an invocation's, whose time is limited. */
  const isBudgeted = deadline < Infinity && !isSoft
  const beganAt = delivery.now()
  if (!delivery.triggered) delivery.recent = []
  const sends = new Set<Promise<void>>()
  /** The events covered; once all are sealed, without the settled ones. */
  let left = events
  let pollMs = 4
  let hasSent = false
  /** How long the API is to be left alone, where that is too long to wait for. */
  let blockedMs = 0

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

  /** Sends what is due, within the concurrency. Returns when there may be more. */
  const startDue = (now: number): number => {
    const isSendable = (batch: Batch): boolean => readyAt(batch, now) <= now
    for (;;) {
      const due = dueAt(now)
      const batch = due <= now ? claim(delivery, now, isSendable) : undefined
      if (!batch) return due
      start(batch, now)
    }
  }

  /** How long it leaves the API alone where that is asked for, or where the API is down. */
  const maxRestMs = (): number => {
    // An API that is up asked for a pause: waiting for its end is part of delivering, whichever flush was told.
    const isUp = guard.failures < (hasSent || ifDown !== 'skip' ? 2 : isBudgeted ? 1 : 0)
    return isUp ? maxRetryAfterMs : ifDown === 'wait' ? patienceMs : 0
  }

  /**
   * Another flush probes, for all: nobody else waits for an API that is down; nor, after its first failure, for long for
   * what was sent before that.
   */
  const leavesItToProbe = (now: number): boolean => {
    const isSilent = guard.failures > 0 && now - guard.trippedAt > silenceMs && !isProbed(delivery, now)
    const isStuck = isBudgeted && isSilent && left.every(({ batch }) => (batch?.notBefore ?? 0) <= now)
    return ifDown === 'skip' && (guard.failures > 1 || isStuck)
  }

  /**
   * It gives up with something left to do. The flushes after it must not begin a pause that it could not wait for, though
   * less of it is left then; nor wait as long as it has for what another has sent.
   */
  const warnOthers = (now: number, isPaused: boolean): void => {
    const isInVain = !sends.size && now - beganAt > silenceMs && !events.some(({ settlement }) => settlement)
    const isOurs = ifDown === 'skip' && isBudgeted && !guard.failures
    if (isOurs && (isPaused || isInVain)) tripGuard(guard, now, now)
  }

  /** Starts what can be sent. Returns how long to wait for anything but its own sends: `Infinity` ends the flush. */
  const step = (now: number): number => {
    dropExpired(delivery, now)
    const restMs = closedMs(guard, now)
    const isOver = now >= deadline || signal?.aborted
    blockedMs = !isOver && restMs > maxRestMs() ? restMs : 0
    if (isOver || blockedMs) return Infinity
    const due = restMs > 0 ? dueAt(now) : startDue(now)
    if (leavesItToProbe(now)) return Infinity
    pollMs = Math.min(maxPollMs, pollMs * 1.2)
    const waitMs = Math.max(restMs, pollMs, due - now)
    // No wait is begun that the budget can't hold, nor in the background for an API that is down.
    if (now + waitMs < deadline && !(isSoft && guard.failures)) return waitMs
    if (due < Infinity) warnOthers(now, restMs > 0)
    return Infinity
  }

  if (ifDown === 'try') {
    guard.failures = 0
    for (const batch of queue.batches) batch.notBefore = 0
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
  const result = flushResult(events)
  const { pending } = result
  const isBlocked = blockedMs > 0 && pending > 0 && ifDown !== 'skip'
  const failure = stuck?.batch?.error ?? (isBlocked ? guard.error : undefined)
  const error = refused?.settlement?.failure ?? (isInTime ? failure : undefined)
  if (pending && (isBlocked || !error)) log.warn('Events stay queued', { pending })
  if (!error) return result
  const later = isBlocked && !refused && { retryable: true, retryAfterMs: blockedMs }
  throw new GFluxNodeError(error.code, error.message, { ...error, ...later, result })
}

/** Is an attempt under way that has no more time than a probe? What was sent before the API failed has. */
function isProbed({ guard, queue }: Delivery, now: number): boolean {
  const longestLease = now + probeMs(guard) + leaseGraceMs
  return queue.batches.some(({ leasedUntil }) => leasedUntil > now && leasedUntil <= longestLease)
}

/** The next batch to send, within the concurrency. What the API failed at goes last: it must not block the others. */
function claim(delivery: Delivery, now: number, isSendable: (batch: Batch) => boolean): Batch | undefined {
  const { config, guard, ports, queue } = delivery
  const { batches, open } = queue
  const inFlight = batches.filter(({ leasedUntil }) => leasedUntil > now).length
  if (inFlight >= config.concurrency || (guard.failures && isProbed(delivery, now))) return undefined
  const [next] = batches.filter(isSendable).sort((a, b) => a.exhausted - b.exhausted)
  return open[0] && (!next || (guard.failures && next.exhausted)) ? sealBatch(queue, ports.randomId()) : next
}
