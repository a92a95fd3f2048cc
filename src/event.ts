import { expect } from './errors.ts'
import type { EventContext, GFluxEvent, Identity } from './event-types.ts'
import { assertJsonValue, isDate } from './json-value.ts'
import type { QueuedEvent } from './queue.ts'

const maxEventBytes = 32 * 1024
const maxProperties = 32
const snakeCase = /^(?=.{1,64}$)[a-z][a-z0-9]*(_[a-z0-9]+)*$/
const isoDate = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$/
const nonAscii = /[^\0-\x7f]/

/** Everything `createEvent` needs, from the call, the client it was made on and the clock. */
export interface EventSource extends Identity {
  name: string
  properties?: unknown
  context?: unknown
  timestamp?: unknown
  /** The client's own context, and the part of it that always wins. */
  contexts: readonly [own: EventContext, audit: EventContext]
  /** Milliseconds since the epoch. */
  nowMs: number
}

/** Validates what the caller gave and builds the event the API takes. */
export function createEvent(source: EventSource): GFluxEvent {
  const { name, timestamp, nowMs, contexts } = source
  expect(
    typeof name === 'string' && snakeCase.test(name),
    'event',
    'a snake_case name of 1 to 64 characters',
    name,
  )
  const anonymousId = id('anonymousId', source.anonymousId)
  const externalId = userId(source)
  expect(anonymousId ?? externalId, 'userId', 'set, or `anonymousId` to be')
  const context = plainObject('context', source.context)
  return {
    event: name,
    anonymous_id: anonymousId,
    external_id: externalId,
    properties: eventProperties(source.properties),
    timestamp: isoTimestamp(timestamp, nowMs),
    context: context ? { ...contexts[0], ...context, ...contexts[1] } : contexts[0],
  }
}

/**
 * Serialises the event, once: a later change to the caller's objects changes nothing, and the size is known. JSON
 * writes NaN, Infinity and invalid dates as `null`, so only an event with a `null` is looked at again.
 */
export function serializeEvent(event: GFluxEvent): QueuedEvent {
  let json: string | undefined
  try {
    json = JSON.stringify(event)
  } catch {
    // named below
  }
  if (!json || json.includes('null')) assertJsonValue(event, 'event')
  expect(json, 'event', 'JSON')
  return {
    name: event.event,
    json,
    bytes: nonAscii.test(json) ? new TextEncoder().encode(json).length : json.length,
  }
}

export function assertSize({ bytes }: QueuedEvent): void {
  expect(bytes <= maxEventBytes, 'event', `at most ${maxEventBytes} bytes of JSON`, bytes)
}

/** An id: absent, or a string with something in it. */
export function id(field: string, value: unknown, isRequired: true): string
export function id(field: string, value: unknown): string | undefined
export function id(field: string, value: unknown, isRequired?: true): string | undefined {
  const isValid = value === undefined ? !isRequired : typeof value === 'string' && value.trim()
  expect(isValid, field, 'a non-empty string', value)
  return value as string | undefined
}

/** The application's own id, under either of its names. */
export function userId(identity: Identity): string | undefined {
  const user = id('userId', identity.userId)
  const external = id('externalId', identity.externalId)
  expect(!user || !external || user === external, 'externalId', 'the same as `userId`', external)
  return user ?? external
}

/** A plain object, of this realm or another. */
export function plainObject<Shape = Record<string, unknown>>(
  field: string,
  value: unknown,
  fallback: unknown,
): Shape
export function plainObject<Shape = Record<string, unknown>>(field: string, value: unknown): Shape | undefined
export function plainObject(field: string, value: unknown, fallback?: unknown): unknown {
  if (value === undefined) return fallback
  const prototype = value && typeof value === 'object' ? Object.getPrototypeOf(value) : value
  const isPlain =
    prototype === null ? value : Object(prototype) === prototype && !Object.getPrototypeOf(prototype)
  expect(
    isPlain && typeof (value as { toJSON?: unknown }).toJSON !== 'function',
    field,
    'a plain object',
    value,
  )
  return value
}

function eventProperties(value: unknown): Record<string, unknown> | undefined {
  const properties = plainObject('properties', value)
  if (properties && Object.keys(properties).length > maxProperties) {
    const count = Object.keys(JSON.parse(JSON.stringify(properties))).length
    expect(count <= maxProperties, 'properties', `an object of at most ${maxProperties} keys`, count)
  }
  return properties
}

function isoTimestamp(value: unknown, nowMs: number): string {
  const isWellFormed = isDate(value) || (typeof value === 'string' && isoDate.test(value))
  const date = new Date(value === undefined ? nowMs : isWellFormed ? value : Number.NaN)
  expect(!Number.isNaN(date.getTime()), 'timestamp', 'a valid Date or an ISO 8601 string', value)
  return date.toISOString()
}
