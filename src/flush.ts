import { claim, isProbed } from './claim.ts'
import type { Delivery } from './delivery.ts'
import { GFluxNodeError } from './errors.ts'
import { type FlushResult, flushResult } from './flush-result.ts'
import { closedMs, forgetFailures, silenceMs, tripGuard } from './guard.ts'
import { dropExpired } from './outcome.ts'
import type { Batch, QueuedEvent } from './queue.ts'
import { maxRetryAfterMs } from './retry.ts'
import { send } from './send.ts'
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

/** How long `wait` waits for an API that is down. */
const patienceMs = 5_000
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
  const { guard, log, ports, rounds } = delivery
  const { deadline, ifDown, isSoft, signal } = limits
  const isSkipping = ifDown === 'skip'
  /** How long it waits for an API that is down, or for a batch at which that keeps failing. */
  const patience = ifDown === 'wait' ? patienceMs : 0
  /** Somebody waits for its end, such as an invocation. */
  const isBudgeted = deadline < Infinity && !isSoft
  const beganAt = delivery.now()
  const sends = new Set<Promise<void>>()
  /** The events covered; once all are sealed, without the settled ones. */
  let left = events
  let hasSent = false
  let pollMs = 4
  /** How long the API is to be left alone, where that is longer than this flush waits. */
  let blockedMs = 0

  /** When to send a batch, or to look whether another flush has. What is exhausted is left to a later flush. */
  const readyAt = (batch: Batch, now: number): number => {
    if (ifDown !== 'wait' && batch.exhausted > rounds) return Infinity
    if (batch.cooldownMs && batch.notBefore > now + patience) return Infinity
    return batch.leasedUntil > now ? now + pollMs : batch.notBefore
  }

  /** When there may be something to do for the events covered; `Infinity` where nothing is left. */
  const dueAt = (now: number): number => {
    if (left[0] && !left.at(-1)?.batch) return 0 // events are sealed in order
    left = left.filter(({ settlement }) => !settlement)
    return left.reduce((at, { batch }) => Math.min(at, readyAt(batch as Batch, now)), Infinity)
  }

  /** Starts all that can be sent now. Returns when there may be more to do. */
  const sendDue = (now: number): number => {
    for (;;) {
      const due = dueAt(now)
      const batch = due <= now && claim(delivery, now, (each) => readyAt(each, now) <= now)
      if (!batch) return due
      hasSent = true
      const sent = send(delivery, batch, now, limits).finally(() => sends.delete(sent))
      sends.add(sent)
      sent.catch(() => undefined) // `firstOf` sees it, unless the flush has ended
    }
  }

  /** To wait for a pause that an API asks for which is up is part of delivering; only `wait` waits for one that is down. */
  const maxRestMs = (): number => {
    const toleratedFailures = hasSent || !isSkipping ? 1 : isBudgeted ? 0 : -1
    if (guard.failures <= toleratedFailures) return maxRetryAfterMs
    return patience
  }

  /** Is the API down, and its probe another flush's? After its first failure what was sent before it may still come. */
  const isDown = (now: number): boolean =>
    guard.failures > 1 ||
    (guard.failures > 0 && isBudgeted && now - guard.trippedAt > silenceMs && !isProbed(delivery, now))

  /** Has it waited in vain for what another flush has sent? */
  const isInVain = (now: number): boolean =>
    !sends.size && now - beganAt > silenceMs && !events.some(({ settlement }) => settlement)

  /** Starts what can be sent. Returns how long to wait for anything but its own sends: `Infinity` to end with them. */
  const step = (now: number): number => {
    dropExpired(delivery, now)
    blockedMs = 0
    if (now >= deadline || signal?.aborted) return Infinity
    const restMs = closedMs(guard, now)
    if (restMs > maxRestMs()) {
      blockedMs = restMs
      return Infinity
    }
    const due = restMs > 0 ? dueAt(now) : sendDue(now)
    if (isSkipping && isDown(now)) return Infinity
    pollMs = Math.min(maxPollMs, pollMs * 1.2)
    const waitMs = Math.max(restMs, pollMs, due - now)
    // No wait is begun that the budget can't hold, nor in the background for an API that is down.
    if (now + waitMs < deadline && !(isSoft && guard.failures)) return waitMs
    // The flushes after this one must not begin the same wait, though less of it is left then.
    const isPutOff = due < Infinity && (restMs > 0 || isInVain(now))
    if (isPutOff && isSkipping && isBudgeted && !guard.failures) tripGuard(guard, now, now)
    return Infinity
  }

  if (!delivery.triggered) delivery.recent = []
  if (ifDown === 'try') forgetFailures(delivery, deadline)
  try {
    for (;;) {
      const waitMs = step(delivery.now())
      if (waitMs === Infinity && !sends.size) break
      await firstOf(ports, sends, waitMs, signal)
    }
  } catch (cause) {
    log.warn('The flush stopped', { cause }) // such as in Workers' global scope, where nothing may be sent
  }
  return conclude(delivery, events, {
    rounds,
    isInTime: delivery.now() < deadline,
    blockedMs: isSkipping ? 0 : blockedMs,
  })
}

/** What became of a flush's events. Where the caller's budget ended it, pending events are no failure. */
function conclude(
  { guard, log }: Delivery,
  events: readonly QueuedEvent[],
  { rounds, isInTime, blockedMs }: { rounds: number; isInTime: boolean; blockedMs: number },
): FlushResult {
  const result = flushResult(events)
  const { accepted, pending } = result
  if (accepted === events.length) return result
  const isBlocked = pending > 0 && blockedMs > 0
  const refusal = events.find(({ settlement }) => settlement?.failure)?.settlement?.failure
  const stuck = events.find(({ batch, settlement }) => !settlement && batch && batch.exhausted > rounds)
  const failure = stuck?.batch?.error ?? (isBlocked ? guard.error : undefined)
  const error = refusal ?? (isInTime ? failure : undefined)
  if (pending && (isBlocked || !error)) log.warn('Events stay queued', { pending })
  if (!error) return result
  const later = isBlocked && !refusal && { retryable: true, retryAfterMs: blockedMs }
  throw new GFluxNodeError(error.code, error.message, { ...error, ...later, result })
}
