import type { GFluxNodeError } from './errors.ts'
import type { FetchResponse } from './ports.ts'

/** What is asked for with a longer `Retry-After` is left to a later flush. */
export const maxRetryAfterMs = 30_000

/** Exponential backoff with ±25 % jitter: about 0.5 s after the first attempt, 1 s after the second, 30 s at most. */
export function backoffMs({ code }: GFluxNodeError, attempts: number, random: number): number {
  // A socket that died while the process was frozen deserves a new one at once.
  if (code === 'network_error' && attempts === 1) return 0
  return Math.min(30_000, 500 * 2 ** (attempts - 1)) * (0.75 + random / 2)
}

/**
 * `Retry-After` in milliseconds, from seconds or an HTTP date, which is the API's own.
 * https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function parseRetryAfter({ headers }: FetchResponse, nowMs: number): number | undefined {
  const header = headers.get('retry-after') as string
  const apiMs = Date.parse(headers.get('date') as string) || nowMs
  const delayMs = Number(header) * 1000 || Date.parse(header) - apiMs
  return delayMs > 0 ? delayMs : undefined
}
