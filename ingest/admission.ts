import { type Answer, refusal } from './answer.ts'
import type { ApiKey } from './api-key.ts'
import type { Call, Endpoint } from './endpoint.ts'
import { acceptBatch, acceptEvent } from './event-endpoints.ts'
import type { Arrival } from './message.ts'
import { aliasProfile, eraseProfile } from './profile-endpoints.ts'

/** A request that may go to its endpoint. */
export interface Admission {
  readonly endpoint: Endpoint
  readonly call: Call
  /** The request's idempotency key, scoped by API key and path; `undefined` where it came without. */
  readonly scopedKey: string | undefined
}

interface Route {
  readonly path: RegExp
  readonly endpoint: Endpoint
  readonly isServerOnly: boolean
}

const MAX_BODY_BYTES = 256 * 1024
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

const ROUTES: readonly Route[] = [
  { path: /^\/v1\/events\/batch$/, endpoint: acceptBatch, isServerOnly: false },
  { path: /^\/v1\/events$/, endpoint: acceptEvent, isServerOnly: false },
  { path: /^\/v1\/identify\/alias$/, endpoint: aliasProfile, isServerOnly: true },
  { path: /^\/v1\/profiles\/([^/]+)\/erase$/, endpoint: eraseProfile, isServerOnly: true },
]

/** The checks all endpoints share: path and method, key, headers, size, JSON. Returns a refusal otherwise. */
export function admit(arrival: Arrival): Admission | Answer {
  const { method, path, apiKey } = arrival
  const route = method === 'POST' ? ROUTES.find((each) => each.path.test(path)) : undefined
  const id = route && decodeId(route.path.exec(path)?.[1] ?? '')
  if (route === undefined || id === undefined) return refusal('not_found', `nothing at ${method} ${path}`)
  if (apiKey === undefined) return refusal('unauthenticated', 'a valid API key is required')
  if (route.isServerOnly && apiKey.kind !== 'secret') {
    return refusal('wrong_key_type', 'this endpoint needs a server key', { received: apiKey.kind })
  }
  return (
    findFault(arrival) ?? {
      endpoint: route.endpoint,
      call: { apiKey, id, body: arrival.json },
      scopedKey: scopeKey(arrival, apiKey),
    }
  )
}

function findFault({ headers, bytes, json }: Arrival): Answer | undefined {
  const [mediaType = ''] = (headers.get('content-type') ?? '').split(';')
  if (mediaType.trim().toLowerCase() !== 'application/json') {
    return refusal('validation_error', 'Content-Type must be application/json')
  }
  const key = headers.get('x-idempotency-key')
  if (key !== null && !UUID.test(key)) return refusal('validation_error', 'X-Idempotency-Key must be a UUID')
  if (bytes > MAX_BODY_BYTES) {
    return refusal('payload_too_large', `body has ${bytes} bytes, at most ${MAX_BODY_BYTES} allowed`)
  }
  return json === undefined ? refusal('validation_error', 'body must be JSON in UTF-8') : undefined
}

function scopeKey({ headers, path }: Arrival, apiKey: ApiKey): string | undefined {
  const key = headers.get('x-idempotency-key')
  return key === null ? undefined : `${apiKey.value} ${path} ${key.toLowerCase()}`
}

function decodeId(id: string): string | undefined {
  try {
    return decodeURIComponent(id)
  } catch {
    return undefined // A malformed percent sequence names no profile.
  }
}
