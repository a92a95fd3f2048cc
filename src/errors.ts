import type { FlushResult } from './flush-result.ts'

/**
 * What went wrong, stable across releases. The API's own code, where its body names one
 * (`unauthenticated`, `rate_limited`, `alias_conflict`, …), is in `details.error`.
 */
export type GFluxNodeErrorCode =
  | 'validation_error'
  | 'queue_overflow'
  | 'network_error'
  | 'request_timeout'
  | 'invalid_response'
  | 'http_4xx'
  | 'http_5xx'
  | 'client_closed'
  | 'idempotency_expired'

/** Everything a {@link GFluxNodeError} carries besides its code and message. */
export type GFluxNodeErrorFields = Partial<
  Pick<GFluxNodeError, 'status' | 'retryable' | 'retryAfterMs' | 'details' | 'cause' | 'result'>
>

const brand: unique symbol = Symbol.for('@getfluxly/node/GFluxNodeError')

/** The one error this package throws or rejects with. Never holds the token or an event's values. */
export class GFluxNodeError extends Error {
  override readonly name = 'GFluxNodeError'
  declare readonly code: GFluxNodeErrorCode
  /** HTTP status, where the API answered. */
  declare readonly status: number | undefined
  /** `true` for what may pass by itself: transport errors, timeouts, 408, 425, 429, 5xx, a full queue. */
  declare readonly retryable: boolean
  /** How long to wait before trying again, in milliseconds. */
  declare readonly retryAfterMs: number | undefined
  /** The API's error body, or the events it rejected. */
  declare readonly details: unknown
  /** The original error, where this one wraps it. */
  declare readonly cause: unknown
  /** What became of every event of the flush that failed. */
  declare readonly result: FlushResult | undefined

  static {
    // biome-ignore lint/complexity/noThisInStatic: where it names itself, bundlers give the class another name
    Object.assign(this.prototype, { [brand]: true })
  }

  constructor(code: GFluxNodeErrorCode, message: string, fields?: GFluxNodeErrorFields) {
    super(message)
    Object.assign(this, { code, retryable: false }, fields)
  }

  /** Like `instanceof`, and true as well for an error of another copy of this package. */
  static is(value: unknown): value is GFluxNodeError {
    return brand in Object(value)
  }
}
