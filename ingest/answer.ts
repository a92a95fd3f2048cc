/** What an endpoint, or a failure on demand, answers: platform-free, so that it can be remembered and replayed. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const STATUS_OF = {
  validation_error: 400,
  unauthenticated: 401,
  forbidden: 403,
  wrong_key_type: 403,
  not_found: 404,
  timeout: 408,
  alias_conflict: 409,
  erasure_in_progress: 409,
  payload_too_large: 413,
  too_early: 425,
  rate_limited: 429,
  server_error: 500,
} as const

/** The API's error codes: the `error` of an error body. */
export type ApiErrorCode = keyof typeof STATUS_OF

export function jsonAnswer(status: number, body: object): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

/** The error body of the API, under the status that belongs to the code. */
export function refusal(error: ApiErrorCode, detail: string, more: object = {}): Answer {
  return jsonAnswer(STATUS_OF[error], { error, detail, ...more })
}

/** The code the API gives with a status; the first one where a status has several. */
export function errorCodeOf(status: number): ApiErrorCode {
  if (status >= 500) return 'server_error'
  const codes = Object.keys(STATUS_OF) as ApiErrorCode[]
  return codes.find((code) => STATUS_OF[code] === status) ?? 'validation_error'
}
