import { optionError } from './option-error.ts'

/** A token bucket per API key, counted in events. */
export interface RateLimitPlan {
  /** Tokens that come back per second. */
  readonly eventsPerSecond: number
  /** Size of the bucket, in events. */
  readonly burst: number
}

interface Bucket {
  tokens: number
  filledAt: number
}

/** The Pro plan: what the headers tell where nothing is limited. */
const UNLIMITED: RateLimitPlan = { eventsPerSecond: 500, burst: 1000 }

export class RateLimit {
  readonly #plan: RateLimitPlan
  readonly #isLimiting: boolean
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()

  constructor(plan: RateLimitPlan | undefined, now: () => number) {
    this.#plan = plan ?? UNLIMITED
    this.#isLimiting = plan !== undefined
    this.#now = now
    for (const name of ['eventsPerSecond', 'burst'] as const) {
      const value = this.#plan[name]
      if (!Number.isFinite(value) || value <= 0)
        throw optionError(`rateLimit.${name}`, 'a positive number', value)
    }
  }

  /**
   * Takes a token per event and returns 0, or takes none and returns the whole seconds to wait. A batch
   * larger than the bucket passes when the bucket is full: no wait would ever make room for it.
   */
  take(apiKey: string, events: number): number {
    if (!this.#isLimiting) return 0
    const bucket = this.#fill(apiKey)
    const missing = Math.min(events, this.#plan.burst) - bucket.tokens
    if (missing > 0) return Math.max(1, Math.ceil(missing / this.#plan.eventsPerSecond))
    bucket.tokens = Math.max(0, bucket.tokens - events)
    return 0
  }

  /** `X-RateLimit-Reset` is the Unix second at which the bucket is full again. */
  headers(apiKey: string): Record<string, string> {
    const { burst, eventsPerSecond } = this.#plan
    const { tokens } = this.#fill(apiKey)
    const fullAtSeconds = this.#now() / 1000 + (burst - tokens) / eventsPerSecond
    return {
      'x-ratelimit-limit': String(burst),
      'x-ratelimit-remaining': String(Math.floor(tokens)),
      'x-ratelimit-reset': String(Math.ceil(fullAtSeconds)),
    }
  }

  #fill(apiKey: string): Bucket {
    const { burst, eventsPerSecond } = this.#plan
    const now = this.#now()
    const bucket = this.#buckets.get(apiKey) ?? { tokens: burst, filledAt: now }
    const returned = (Math.max(0, now - bucket.filledAt) / 1000) * eventsPerSecond
    bucket.tokens = Math.min(burst, bucket.tokens + returned)
    bucket.filledAt = now
    this.#buckets.set(apiKey, bucket)
    return bucket
  }
}
