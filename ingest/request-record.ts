import type { ApiKeyKind } from './api-key.ts'
import { readApiKey } from './api-key.ts'
import type { WireEvent } from './event-rules.ts'
import type { Failure } from './failure.ts'
import { isJsonObject } from './json.ts'
import type { Arrival, Message } from './message.ts'

/** One request, as it was received and settled. */
export interface RequestRecord {
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** Lower-case names; without `authorization`. */
  readonly headers: Readonly<Record<string, string>>
  /** Which kind of key came with it; absent where no valid one did. The key itself is never kept. */
  readonly keyKind?: ApiKeyKind
  readonly idempotencyKey?: string
  /** The events in the body, accepted or not. */
  readonly events: readonly WireEvent[]
  /** The parsed body; `undefined` where it is not JSON. */
  readonly body: unknown
  /** Size of the body. */
  readonly bytes: number
  /** The status of the answer; `reset` also stands for a client that left before it had sent all. */
  readonly status: number | 'pending' | 'reset' | 'hang'
  /** Answered with the remembered answer to an earlier request. */
  readonly replayed: boolean
  /** The body of the answer, such as why events were rejected; absent where there was no answer. */
  readonly answer?: string
  /** Milliseconds since the epoch, by the ingest's `now`. */
  readonly receivedAt: number
  /** Milliseconds since the epoch; absent while the request is in flight. */
  readonly settledAt?: number
  /** The failure on demand that struck it. */
  readonly failure?: Failure
}

/** A record that is still being written. */
export type OpenRecord = { -readonly [Field in keyof RequestRecord]: RequestRecord[Field] }

export function openRecord({ method, path, headers, query }: Message, receivedAt: number): OpenRecord {
  const { authorization: _secret, ...shown } = Object.fromEntries(headers)
  const idempotencyKey = headers.get('x-idempotency-key')
  const keyKind = readApiKey(headers, query)?.kind
  return {
    method,
    path,
    headers: shown,
    ...(keyKind && { keyKind }),
    ...(idempotencyKey !== null && { idempotencyKey }),
    events: [],
    body: undefined,
    bytes: 0,
    status: 'pending',
    replayed: false,
    receivedAt,
  }
}

export function recordBody(record: OpenRecord, { bytes, json }: Arrival): void {
  record.bytes = bytes
  record.body = json
  record.events = eventsIn(json)
}

/** The events a body carries: those of a batch, or the body itself where it is a single event. */
function eventsIn(json: unknown): readonly WireEvent[] {
  if (!isJsonObject(json)) return []
  if (Array.isArray(json['events'])) return json['events']
  return 'event' in json ? [json as unknown as WireEvent] : []
}
