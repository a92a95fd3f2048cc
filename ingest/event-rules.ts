import { canonicalJson, countUtf8Bytes, findUnknownField, isJsonObject, type JsonObject } from './json.ts'
import { isIsoTimestamp } from './timestamp.ts'

/** An event as it travels: the snake_case fields of the ingest API. */
export interface WireEvent {
  /** snake_case, at most 64 characters. */
  readonly event: string
  readonly anonymous_id?: string
  /** The application's own user id. */
  readonly external_id?: string
  /** GetFluxly's resolved profile id. */
  readonly user_id?: string
  /** At most 32 keys. */
  readonly properties?: Readonly<Record<string, unknown>>
  /** ISO 8601. */
  readonly timestamp?: string
  readonly context?: Readonly<Record<string, unknown>>
}

type Rule = (event: JsonObject) => string | undefined

const ID_FIELDS = ['anonymous_id', 'external_id', 'user_id'] as const
const FIELDS: readonly string[] = ['event', ...ID_FIELDS, 'properties', 'timestamp', 'context']
const MAX_NAME_LENGTH = 64
const MAX_PROPERTIES = 32
const MAX_EVENT_BYTES = 32 * 1024

const RULES: readonly Rule[] = [
  hasOnlyKnownFields,
  hasName,
  hasIds,
  hasProperties,
  hasTimestamp,
  hasContext,
  hasIdentity,
  hasAllowedSize,
]

/** Why the API would reject the event; `undefined` for an event it takes. */
export function findEventFault(event: unknown): string | undefined {
  if (!isJsonObject(event)) return 'event must be an object'
  for (const rule of RULES) {
    const fault = rule(event)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** The ids an event carries, in the order anonymous, external, resolved. */
export function idsOf(event: WireEvent): string[] {
  return ID_FIELDS.map((field) => event[field]).filter((id) => id !== undefined)
}

function hasOnlyKnownFields(event: JsonObject): string | undefined {
  const unknown = findUnknownField(event, FIELDS)
  return unknown === undefined ? undefined : `unknown field ${JSON.stringify(unknown)}`
}

function hasName({ event: name }: JsonObject): string | undefined {
  if (typeof name !== 'string' || name === '') return 'event is required and must be a string'
  if (name.length > MAX_NAME_LENGTH) return `event name must have at most ${MAX_NAME_LENGTH} characters`
  if (!/^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(name)) return 'event name must be snake_case'
  return undefined
}

function hasIds(event: JsonObject): string | undefined {
  const present = ID_FIELDS.filter((field) => event[field] !== undefined)
  if (present.length === 0) return `one of ${ID_FIELDS.join(', ')} is required`
  const bad = present.find((field) => typeof event[field] !== 'string' || event[field] === '')
  return bad && `${bad} must be a non-empty string`
}

function hasProperties({ properties }: JsonObject): string | undefined {
  if (properties === undefined) return undefined
  if (!isJsonObject(properties)) return 'properties must be an object'
  const count = Object.keys(properties).length
  return count > MAX_PROPERTIES
    ? `properties has ${count} keys, at most ${MAX_PROPERTIES} allowed`
    : undefined
}

function hasTimestamp({ timestamp }: JsonObject): string | undefined {
  if (timestamp === undefined || isIsoTimestamp(timestamp)) return undefined
  return 'timestamp must be an ISO 8601 string'
}

function hasContext({ context }: JsonObject): string | undefined {
  return context === undefined || isJsonObject(context) ? undefined : 'context must be an object'
}

function hasIdentity(event: JsonObject): string | undefined {
  if (event['event'] !== 'identify') return undefined
  if (event['anonymous_id'] === undefined || event['external_id'] === undefined) {
    return 'identify needs both anonymous_id and external_id'
  }
  const { properties } = event
  if (!isJsonObject(properties) || properties['traits'] === undefined) return undefined
  return isJsonObject(properties['traits']) ? undefined : 'properties.traits must be an object'
}

function hasAllowedSize(event: JsonObject): string | undefined {
  let bytes: number
  try {
    bytes = countUtf8Bytes(canonicalJson(event))
  } catch {
    return 'event is nested too deeply' // JSON is parsed at any depth, and written until the stack is full.
  }
  return bytes > MAX_EVENT_BYTES ? `event has ${bytes} bytes, at most ${MAX_EVENT_BYTES} allowed` : undefined
}
