import type { EventContext, EventInput, GFluxEvent } from './event-types.ts'
import { toJson } from './json-value.ts'
import type { QueuedEvent } from './queue.ts'
import { expect, identityOf, kindOf, plainObject } from './validation.ts'

export const maxEventBytes: number = 32 * 1024
const maxProperties = 32
const snakeCase = /^(?!.{65})[a-z][a-z\d]*(_[a-z\d]+)*$/
const isoDate = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d[\d:.]*(Z|[+-]\d\d(:?\d\d)?)?)?$/i
const encoder = new TextEncoder()
/** Counts bytes at less cost than `encode()`. What does not fit counts as more than an event may have. */
const scratch = new Uint8Array(maxEventBytes + 4)

/** What a client adds to each of its events. */
export interface Bound {
  anonymousId?: string | undefined
  userId?: string | undefined
  /** Its own context. */
  context?: () => EventContext
  /** The part of it that wins over the caller's. */
  audit: EventContext
}

/**
 * Validates what the caller gave and serialises the event the API takes, once: a later change to the caller's objects
 * changes nothing, and the size is known.
 */
export function createEvent(name: string, input: EventInput, bound: Bound, nowMs: number): QueuedEvent {
  const { context, properties, timestamp } = input
  expect(isEventName(name), 'event', 'a snake_case name of 1 to 64 characters', name)
  const { anonymousId, userId } = identityOf(input, bound)
  const needsBoth = name === 'identify'
  const hasIds = needsBoth ? anonymousId && userId : (anonymousId ?? userId)
  const got = (anonymousId ?? userId) ? 'one of them' : 'neither'
  expect(hasIds, `anonymousId ${needsBoth ? 'and' : 'or'} userId`, 'set', undefined, got)
  const event: GFluxEvent = {
    event: name,
    anonymous_id: anonymousId,
    external_id: userId,
    properties: properties === undefined ? properties : eventProperties(properties),
    timestamp: isoTimestamp(timestamp, nowMs) as string,
    context: { ...bound.context?.(), ...plainObject('context', context), ...bound.audit },
  }
  const json = toJson(event)
  return { name, json, bytes: encoder.encodeInto(json, scratch).written }
}

export function isEventName(name: unknown): boolean {
  return typeof name === 'string' && snakeCase.test(name)
}

function eventProperties(value: unknown): Record<string, unknown> {
  const properties = plainObject('properties', value)
  const count = Object.keys(properties).length
  // What JSON leaves out does not count.
  const isFew = count <= maxProperties || Object.keys(JSON.parse(toJson(properties))).length <= maxProperties
  expect(isFew, 'properties', 'an object of at most 32 keys', properties, `${count} keys`)
  return properties
}

let lastMs = 0
let lastIso = ''

function isoTimestamp(value: unknown, nowMs: number): string | undefined {
  if (value === undefined) {
    if (!nowMs) return undefined // Workers' global scope has no clock: the API takes the time when the event comes
    // To format a time costs as much as serialising the event.
    if (nowMs !== lastMs) lastIso = new Date(nowMs).toISOString()
    lastMs = nowMs
    return lastIso
  }
  const text = value as string
  // JavaScript takes February 30th for March 2nd.
  const isDay = isoDate.test(text) && new Date(text.slice(0, 10)).getUTCDate() === +text.slice(8, 10)
  const date = new Date(isDay || kindOf(value) === 'Date' ? text : Number.NaN)
  const iso = date.toJSON()
  expect(iso?.length === 24, 'timestamp', 'a valid Date or an ISO 8601 string', value) // of four-digit years
  return iso
}
