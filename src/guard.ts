import type { Delivery } from './delivery.ts'
import type { GFluxNodeError } from './errors.ts'

/** An API that answered nothing for so long may be down. */
export const silenceMs = 1_000
export const maxCooldownMs = 60_000
const probeTimeoutMs = 500
/** A longer answer is taken for this one: the process may have been frozen meanwhile. */
const maxAnswerMs = 1_500
/** A `Retry-After` beyond it is taken for a mistake. */
const maxPauseMs = 3_600_000

/**
 * The outage guard: remembers, as plain data, when the next try makes sense. After one failed round the next flush
 * probes at once, with one request and a short timeout; from the second on, a growing cool-down comes first. Times are
 * milliseconds since the epoch.
 */
export interface Guard {
  /** Failed rounds since the API last answered, or since a person asked for a fresh start. */
  failures: number
  /** The end of the cool-down. */
  retryAt: number
  /** Until when the API asked for quiet (`Retry-After`). */
  pausedUntil: number
  trippedAt: number
  /** Why the API is left alone. */
  error?: GFluxNodeError
  /** How long it took to answer lately, at most. */
  answerMs: number
}

export function createGuard(): Guard {
  return { failures: 0, retryAt: 0, pausedUntil: 0, trippedAt: 0, answerMs: 0 }
}

/**
 * An attempt's failure ended a round; those that were under way together count once. The cool-down is five times what
 * the attempt cost, so that an API that hangs takes a small share of the time.
 */
export function tripGuard(guard: Guard, now: number, attemptedAt: number): void {
  if (attemptedAt < guard.trippedAt) return
  guard.trippedAt = now
  const cooldownMs = Math.max(1000 * 2 ** guard.failures++, 5 * (now - attemptedAt))
  guard.retryAt = now + Math.min(maxCooldownMs, cooldownMs)
}

/** The API asked for quiet, or may have. */
export function pauseGuard(guard: Guard, now: number, error: GFluxNodeError): void {
  const { retryable, retryAfterMs = 0 } = error
  if (retryAfterMs || (retryable && guard.pausedUntil <= now)) guard.error = error
  guard.pausedUntil = Math.max(guard.pausedUntil, now + Math.min(maxPauseMs, retryAfterMs))
}

/** How long until sending makes sense; negative where it does. */
export function closedMs({ failures, pausedUntil, retryAt }: Guard, now: number): number {
  return Math.max(pausedUntil, failures > 1 ? retryAt : 0) - now
}

/** The API answered, after so long. */
export function resetGuard(guard: Guard, tookMs: number): void {
  guard.failures = 0
  guard.answerMs = Math.min(maxAnswerMs, Math.max(tookMs, 0.95 * guard.answerMs))
}

/**
 * An API that hangs must not cost a full timeout again; one that is slow, or has only become so, must be noticed in the
 * end.
 */
export function probeMs({ answerMs, failures }: Guard): number {
  return failures ? Math.max(probeTimeoutMs, 2 * answerMs) * 2 ** ((failures - 1) >> 1) : Infinity
}

/**
 * A person asks for a fresh start: failures don't count, and no batch waits for its turn, but for those whose retries
 * another flush paces, where the deadline leaves time for them. A pause stays.
 */
export function forgetFailures({ guard, queue }: Pick<Delivery, 'guard' | 'queue'>, deadline: number): void {
  guard.failures = 0
  for (const batch of queue.batches) {
    batch.cooldownMs = 0
    if (!batch.isPaced || batch.notBefore + silenceMs > deadline) batch.notBefore = 0
  }
}
