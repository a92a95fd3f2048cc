const maxCooldownMs = 60_000
const probeTimeoutMs = 500
/** A `Retry-After` beyond it is taken for a mistake. */
const maxPauseMs = 3_600_000

/**
 * The outage guard: remembers, as plain data, when the next try makes sense. After one failed round the next flush
 * probes at once, with one request and a short timeout; from the second on, a growing cool-down comes first.
 */
export class Guard {
  /** Failed rounds since the API last answered. */
  failures = 0
  /** The end of the cool-down, in milliseconds since the epoch. */
  #retryAt = 0
  /** Until when the API asked for quiet (`Retry-After`). */
  #pausedUntil = 0
  #trippedAt = 0

  /** The API answered, or a person asked for a fresh start. */
  reset(): void {
    this.failures = 0
  }

  /**
   * An attempt's failure ended a round; those that were under way together count once. The cool-down is five times what
   * the attempt cost, so that an API that hangs takes a small share of the time.
   */
  trip(now: number, attemptedAt: number): void {
    if (attemptedAt < this.#trippedAt) return
    this.#trippedAt = now
    const cooldownMs = Math.max(1000 * 2 ** this.failures++, 5 * (now - attemptedAt))
    this.#retryAt = now + Math.min(maxCooldownMs, cooldownMs)
  }

  /** The API asked for quiet. */
  pause(now: number, retryAfterMs = 0): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, now + Math.min(maxPauseMs, retryAfterMs))
  }

  /** When sending makes sense. */
  opensAt(): number {
    return Math.max(this.#pausedUntil, this.failures > 1 ? this.#retryAt : 0)
  }

  /** An API that hangs must not cost a full timeout again. */
  timeoutMs(timeoutMs: number): number {
    return this.failures ? Math.min(timeoutMs, probeTimeoutMs * 2 ** (this.failures - 1)) : timeoutMs
  }
}
