/** Which requests a failure strikes. Without `times`, `share` and `every`: the next one. */
export interface FailureOccurrence {
  /** How many requests at most. @default 1, or Infinity where `share` or `every` is given */
  readonly times?: number
  /** Share of the matching requests, from 0 to 1, drawn with the ingest's `random`. */
  readonly share?: number
  /** Every n-th of the matching requests. */
  readonly every?: number
  /** Only requests to exactly this path, without query. @default any path */
  readonly path?: string
  /** Milliseconds to wait before the failure, or before the request goes on; 2147483647 at most. @default 0 */
  readonly delayMs?: number
}

/** Answers with a status; nothing is stored and the idempotency key stays free. */
export interface StatusFailure extends FailureOccurrence {
  /** From 200 to 599. */
  readonly status: number
  /** `Retry-After`: seconds, a date, or the header's text as it is. */
  readonly retryAfter?: number | Date | string
  /** Text as it is, or an object as JSON. @default the API's error body for the status */
  readonly body?: string | object
}

/** Answers late, and otherwise as the API does. */
export interface DelayFailure extends FailureOccurrence {
  readonly delayMs: number
}

/** Never answers and stores nothing: the request ends when the client gives up or the server closes. */
export interface HangFailure extends FailureOccurrence {
  readonly hang: true
}

/** The connection dies `before` the request is processed, or `after` it was processed and stored. */
export interface ResetFailure extends FailureOccurrence {
  readonly reset: 'before' | 'after'
}

/** Processes and stores, then answers with a body that breaks off (`truncated`) or is HTML (`not-json`). */
export interface BrokenBodyFailure extends FailureOccurrence {
  readonly body: 'truncated' | 'not-json'
}

/** Answers with a redirect; nothing is stored. */
export interface RedirectFailure extends FailureOccurrence {
  /** The `Location`: absolute, or relative to the request. */
  readonly redirect: string | URL
  /** @default 307 */
  readonly status?: 301 | 302 | 307 | 308
}

/** A failure on demand: what goes wrong, and for which requests. */
export type Failure =
  | StatusFailure
  | DelayFailure
  | HangFailure
  | ResetFailure
  | BrokenBodyFailure
  | RedirectFailure
