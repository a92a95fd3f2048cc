import { GFluxNodeError, type GFluxNodeErrorCode, type GFluxNodeErrorFields } from './errors.ts'
import type { FetchResponse, Ports } from './ports.ts'
import { parseRetryAfter } from './retry.ts'
import { kindOf } from './validation.ts'
import { firstOf } from './wait.ts'

/** There was no connection, as Node, Bun and Deno put it: the API can't have done its work. */
const neverSent = /^(connect|getaddrinfo) |ECONNREFUSED|CONNECT_TIMEOUT|\(Connect\)/

/** Characters of a body: the answer to a batch has some hundred for each of its events. */
const maxBodyLength = 1_000_000

/** A POST to the API. */
export interface ApiRequest {
  config: { apiHost: string; token: string }
  /** Without the version. */
  path: string
  /** The idempotency key. */
  key: string
  body: string
  isRetry?: boolean
  /** What it waits for, within its time limit; never rejects. */
  ready?: Promise<unknown> | undefined
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
 * One attempt, bounded even where `fetch` ignores its signal; never rejects. The controller is made for this attempt
 * alone: on Workers it may not cross requests.
 */
export async function attempt(
  ports: Ports,
  request: ApiRequest,
  timeoutMs: number,
  signal?: AbortSignal | undefined,
): Promise<Outcome> {
  const controller = new AbortController()
  const outcome = await firstOf(ports, [exchange(ports, request, controller.signal)], timeoutMs, signal)
  if (outcome) return outcome
  controller.abort()
  return failure('request_timeout', `no answer within ${timeoutMs} ms, or aborted`)
}

async function exchange(
  ports: Ports,
  { config, path, key, body, isRetry, ready, isAnswer }: ApiRequest,
  signal: AbortSignal,
): Promise<Outcome> {
  const { apiHost, token } = config
  try {
    await ready
    signal.throwIfAborted() // a `fetch` that ignores its signal must not be called after the attempt
    // A redirect is never followed, so that the token goes nowhere else. Workers don't know 'error'.
    const response = await ports.fetch(`${apiHost}/v1/${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'x-idempotency-key': key,
      },
      body,
      redirect: 'manual',
      ...(isRetry && { keepalive: false }),
      signal,
    })
    const received = await readText(response)
    const text = redactToken(JSON.stringify(parseJson(received)) ?? received, token) // without escapes that would hide it
    const { status } = response
    const statusClass = Math.floor(status / 100)
    const answer = parseJson(text)
    if (statusClass === 2 && isAnswer(answer)) return { answer }
    const { error = 'unexpected answer' } = Object(answer) as { error?: unknown }
    const code =
      statusClass === 4 || statusClass === 5 ? (`http_${statusClass}xx` as const) : 'invalid_response'
    const fields = {
      status,
      retryAfterMs: parseRetryAfter(response, ports.now()),
      // A redirect may pass by itself: it is not followed, so nothing was stored.
      retryable: statusClass !== 4 || [408, 425, 429].includes(status),
      details: answer ?? text.slice(0, 1000),
    }
    // A 5xx may hide that the API did its work. 503 means that it was not taken on.
    const isUnknown = statusClass === 2 || (statusClass === 5 && status !== 503)
    return failure(code, `${status} ${error}`, fields, isUnknown)
  } catch (cause) {
    const inner = Object(Object(cause).cause ?? cause) as { code?: unknown; message?: unknown }
    const told = inner.message || Object(cause).message || (cause === Object(cause) ? kindOf(cause) : cause)
    const [code, message] = [inner.code || '', told].map(String) as [string, string]
    const reason = redactToken(code || message, token)
    const isUnknown = !neverSent.test(`${message} ${code}`)
    const fields = isHarmless(cause, token) ? { cause } : {}
    return failure('network_error', `the connection failed: ${reason}`, fields, isUnknown)
  }
}

/** The body, but not much more than an answer has: what sends without end is none. */
async function readText(response: FetchResponse): Promise<string> {
  const { body, bodyUsed } = response as Partial<Response>
  // A `fetch` of the caller's own may have read it, and tell what it read by a `text()` of its own.
  const reader = bodyUsed || Object.hasOwn(response, 'text') ? undefined : body?.getReader?.()
  if (!reader) return await response.text()
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    text += decoder.decode(value, { stream: !done })
    if (done) return text
    if (text.length > maxBodyLength) {
      await reader.cancel()
      return text
    }
  }
}

/** Does an error hold nothing of its own but plain data without the token? It may quote the request, or carry it along. */
function isHarmless(value: unknown, token: string, depth = 0): boolean {
  if (typeof value === 'string') return redactToken(value, token) === value
  if (value !== Object(value)) return true
  if (depth > 5 || !/^(Error|DOMException|Object|Array)$/.test(kindOf(value))) return false
  try {
    return Reflect.ownKeys(value as object).every((key) =>
      isHarmless((value as Record<PropertyKey, unknown>)[key], token, depth + 1),
    )
  } catch {
    return false // a getter that throws
  }
}

/** Retryable and of unknown outcome, unless told otherwise. */
function failure(
  code: GFluxNodeErrorCode,
  message: string,
  fields?: GFluxNodeErrorFields,
  isUnknown = true,
): Outcome {
  const error = new GFluxNodeError(code, `GetFluxly API: ${message}`, { retryable: true, ...fields })
  return { error, isUnknown }
}

/** An answer that echoes the token must not carry it into an error or a result. A short one may be any word. */
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
