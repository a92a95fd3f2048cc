import type { Answer } from './answer.ts'
import type { ApiKey } from './api-key.ts'
import type { RateLimit } from './rate-limit.ts'
import type { Statistics } from './statistics.ts'
import type { Store } from './store.ts'

/** A request that passed the checks all endpoints share. */
export interface Call {
  readonly apiKey: ApiKey
  /** Parsed JSON. */
  readonly body: unknown
  /** The `{id}` of the path, decoded; empty where the path has none. */
  readonly id: string
}

/** What endpoints work with. */
export interface Services {
  readonly store: Store
  readonly statistics: Statistics
  readonly rateLimit: RateLimit
  /** A new id: the prefix, then hexadecimal digits. */
  readonly createId: (prefix: string) => string
  readonly now: () => number
}

export type Endpoint = (call: Call, services: Services) => Answer
