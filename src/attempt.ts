import { GFluxNodeError, type GFluxNodeErrorCode, type GFluxNodeErrorFields } from './errors.ts'
import type { Ports } from './ports.ts'
import { isRetryableStatus, parseRetryAfter } from './retry.ts'

/** A POST to the API. */
export interface ApiRequest {
  config: { apiHost: string; token: string }
  path: string
  /** The idempotency key. */
  key: string
  body: string
  /** Is it the answer that the contract promises? */
  isAnswer(body: unknown): boolean
}

/** What one attempt came to: the API's answer, or an error, which is a refusal unless `retryable`. */
export interface Outcome {
  answer?: unknown
  error?: GFluxNodeError
  /** The API may have done its work all the same: only the same idempotency key may be tried again. */
  isUnknown?: boolean
}

/**
 * One attempt, bounded even where `fetch` ignores its signal; never rejects. Controller and timer are made for this
 * attempt alone: on Workers neither may cross requests. The timer is ref'd: an awaited flush must not depend on one
 * that lets the process exit.
 */
export async function attempt(
  ports: Ports,
  request: ApiRequest,
  timeoutMs: number,
  signal?: AbortSignal | undefined,
): Promise<Outcome> {
  const controller = new AbortController()
  let cancel!: () => void
  const cancelled = new Promise<Outcome>((resolve) => {
    cancel = () => {
      resolve(failure('request_timeout', `no answer within ${timeoutMs} ms, or aborted`))
      controller.abort()
    }
  })
  const stopTimer = ports.timer(timeoutMs, cancel)
  signal?.addEventListener('abort', cancel)
  try {
    return await Promise.race([exchange(ports, request, controller.signal), cancelled])
  } finally {
    stopTimer()
    signal?.removeEventListener('abort', cancel)
  }
}

async function exchange(
  ports: Ports,
  { config, path, key, body, isAnswer }: ApiRequest,
  signal: AbortSignal,
): Promise<Outcome> {
  const { apiHost, token } = config
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'x-idempotency-key': key,
  }
  try {
    // A redirect is never followed, so that the token goes nowhere else. Workers know no 'error'.
    const response = await ports.fetch(apiHost + path, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal,
    })
    const text = redactToken(await response.text(), token)
    const { status } = response
    if (status < 200 || status > 299) {
      const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), ports.now())
      return refusal(status, retryAfterMs, text)
    }
    const answer = parseJson(text)
    return isAnswer(answer) ? { answer } : failure('invalid_response', 'the answer is broken', { status })
  } catch (cause) {
    return failure('network_error', 'the connection failed', { cause })
  }
}

function refusal(status: number, retryAfterMs: number | undefined, text: string): Outcome {
  const details = parseJson(text) ?? text.slice(0, 1000)
  const { error = '' } = Object(details) as { error?: unknown }
  const code = status > 499 ? 'http_5xx' : status > 399 ? 'http_4xx' : 'invalid_response'
  const fields = { status, retryAfterMs, retryable: isRetryableStatus(status), details }
  // A 5xx that the API did not word itself may come from a proxy that lost the answer. 503 means it was not taken.
  return failure(code, `${status} ${error}`, fields, status > 499 && status !== 503 && !error)
}

/** Retryable and of unknown outcome, unless told otherwise. */
function failure(
  code: GFluxNodeErrorCode,
  message: string,
  fields?: GFluxNodeErrorFields,
  isUnknown = true,
): Outcome {
  return {
    error: new GFluxNodeError(code, `GetFluxly API: ${message}`, { retryable: true, ...fields }),
    isUnknown,
  }
}

/** An answer that echoes the token must not carry it into an error or a result. What is shorter is a word, no token. */
function redactToken(text: string, token: string): string {
  return token.length < 8 ? text : text.replaceAll(token, '[token]')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // not JSON: the status alone has to do
  }
}
