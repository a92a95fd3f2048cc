import { attempt } from './attempt.ts'
import type { Delivery } from './delivery.ts'
import { GFluxNodeError } from './errors.ts'
import { type FlushResult, flushResult } from './flush-result.ts'
import type { Batch, QueuedEvent } from './queue.ts'
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
  ifDown: IfDown
  signal?: AbortSignal | undefined
}

const patienceMs = 5_000
const maxPollMs = 100
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
  { deadline, ifDown, signal }: FlushLimits,
): Promise<FlushResult> {
  const { config, guard, log, ports, queue } = delivery
  const sends = new Set<Promise<void>>()
  const firstRound = delivery.rounds
  /** The events covered that are not settled. */
  let left = events
  let pollMs = 4
  let hasSent = false

  const isExhausted = (batch: Batch | undefined): boolean => !!batch && batch.exhausted > firstRound
  /** Where nobody waits for an API that is down, a batch whose retries are exhausted waits for a later flush. */
  const isGivenUp = (batch: Batch | undefined): boolean => ifDown !== 'wait' && isExhausted(batch)

  const retryLater = (batch: Batch, error: GFluxNodeError, attemptedAt: number): void => {
    const now = ports.now()
    const { code, status } = error
    const attempts = ++batch.attempts
    // A socket that died while the process was frozen deserves a new one at once.
    const delayMs = code === 'network_error' && attempts === 1 ? 0 : backoffMs(attempts, ports.random())
    const isLast = guard.failures > 0 || attempts > config.maxRetries
    batch.error = error
    batch.notBefore = now + delayMs
    if (isLast || now + delayMs >= deadline) guard.trip(now, attemptedAt)
    if (isLast) {
      batch.exhausted = ++delivery.rounds
      batch.attempts = batch.notBefore = 0
    }
    const message = isLast ? 'Retries are exhausted: events stay queued' : 'Retrying a batch'
    log[isLast ? 'warn' : 'debug'](message, { code, status, attempts, delayMs, events: batch.events.length })
  }

  const send = async (batch: Batch, now: number): Promise<void> => {
    const lease = ++batch.lease
    const { unknownSince } = batch
    batch.unknownSince ??= now // until it is known: this invocation may never come back
    const timeoutMs = Math.min(guard.timeoutMs(config.timeoutMs || maxTimeoutMs), deadline - now)
    batch.leasedUntil = now + timeoutMs + leaseGraceMs
    hasSent = true
    const { answer, error, isUnknown } = await attempt(ports, delivery.batchRequest(batch), timeoutMs, signal)
    guard.pause(ports.now(), error?.retryAfterMs)
    if (!queue.batches.includes(batch)) return // another flush settled it meanwhile
    if (lease === batch.lease) {
      batch.leasedUntil = 0
      if (!isUnknown) batch.unknownSince = unknownSince
    } else if (error) return // another flush has reclaimed it, and decides
    if (!error?.retryable) delivery.settle(batch, answer, error)
    else if (!signal?.aborted) retryLater(batch, error, now)
  }

  const sendReady = (now: number): void => {
    const isSendable = (batch: Batch): boolean =>
      batch.leasedUntil <= now && batch.notBefore <= now && !isGivenUp(batch)
    while (left.some(({ batch, settlement }) => !settlement && (!batch || isSendable(batch)))) {
      const batch = delivery.claim(now, isSendable)
      if (!batch) return
      const sent = send(batch, now).finally(() => sends.delete(sent))
      sends.add(sent)
      sent.catch(() => undefined) // `firstOf` sees it, unless the flush has ended
    }
  }

  /** Starts what can be sent. Returns how long to wait for anything but the own sends. */
  const step = (now: number): number => {
    delivery.dropExpired(now)
    left = left.filter(({ settlement }) => !settlement)
    const closedMs = guard.opensAt() - now
    const isOwnPause = guard.failures < 2 && (hasSent || ifDown === 'try')
    const patience = ifDown === 'wait' ? patienceMs : isOwnPause ? maxRetryAfterMs : 0
    if (now >= deadline || signal?.aborted || closedMs > patience) return Infinity
    if (closedMs <= 0) sendReady(now)
    pollMs = Math.min(maxPollMs, pollMs * 1.2)
    let waitMs = Infinity
    for (const { batch } of left) {
      if (isGivenUp(batch)) continue
      waitMs = Math.min(waitMs, Math.max(closedMs, pollMs, (batch?.notBefore ?? 0) - now))
    }
    return now + waitMs < deadline ? waitMs : Infinity // no wait is begun that the budget can't hold
  }

  if (ifDown === 'try') guard.reset()
  try {
    for (let waitMs = 0; waitMs < Infinity || sends.size; ) {
      waitMs = step(ports.now())
      if (waitMs < Infinity || sends.size) await firstOf(ports, sends, waitMs, signal)
    }
  } catch (cause) {
    log.warn('The flush stopped', { cause }) // such as in Workers' global scope, where nothing may be sent
  }
  const result = flushResult(events)
  const exhausted = left.find(({ batch, settlement }) => !settlement && isExhausted(batch))?.batch?.error
  // Where the caller's budget ended the flush, pending events are no failure.
  const error =
    events.find(({ settlement }) => settlement?.failure)?.settlement?.failure ??
    (ports.now() < deadline ? exhausted : undefined)
  if (error) throw new GFluxNodeError(error.code, error.message, { ...error, result })
  return result
}
