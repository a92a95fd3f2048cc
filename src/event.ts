import type { EventContext, EventInput, GFluxEvent } from './event-types.ts'
import { toJson } from './json-value.ts'
import type { QueuedEvent } from './queue.ts'
import { expect, kindOf, optionalId, plainObject, userId } from './validation.ts'

const maxEventBytes = 32 * 1024
const maxProperties = 32
const snakeCase = /^(?=.{1,64}$)[a-z][a-z0-9]*(_[a-z0-9]+)*$/
const isoDate = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$/
const encoder = new TextEncoder()
/** What a usual event fits into: to count its bytes there costs less than to look for what is not ASCII. */
const scratch = new Uint8Array(4096)

/** What a client adds to each of its events. */
export interface Bound {
  anonymousId?: string | undefined
  userId?: string | undefined
  /** Asked at each event for what stands under its context. */
  base?: (() => EventContext) | undefined
  /** Its whole context, but for that. */
  context: EventContext
  /** The part of it that wins over the caller's. */
  audit: EventContext
}

/** Validates what the caller gave and builds the event the API takes. */
export function createEvent(name: string, input: EventInput, bound: Bound, nowMs: number): GFluxEvent {
  const { context, properties } = input
  const { audit, base } = bound
  expect(
    typeof name === 'string' && snakeCase.test(name),
    'event',
    'a snake_case name of 1 to 64 characters',
    name,
  )
  const anonymousId = optionalId('anonymousId', input.anonymousId) ?? bound.anonymousId
  const externalId = userId(input) ?? bound.userId
  const needsBoth = name === 'identify'
  expect(
    externalId || (anonymousId && !needsBoth),
    'userId',
    needsBoth ? 'set' : 'set, or `anonymousId` to be',
  )
  expect(anonymousId || !needsBoth, 'anonymousId', 'set')
  return {
    event: name,
    anonymous_id: anonymousId,
    external_id: externalId,
    properties: properties === undefined ? properties : eventProperties(properties),
    timestamp: isoTimestamp(input.timestamp, nowMs),
    context:
      base || context !== undefined
        ? {
            ...plainObject('defaultContext', base?.()),
            ...bound.context,
            ...plainObject('context', context),
            ...audit,
          }
        : bound.context,
  }
}

/** Serialises the event, once: a later change to the caller's objects changes nothing, and the size is known. */
export function serializeEvent(event: GFluxEvent): QueuedEvent {
  const json = toJson(event)
  const { read, written } = encoder.encodeInto(json, scratch)
  return { name: event.event, json, bytes: read === json.length ? written : encoder.encode(json).length }
}

export function assertSize({ bytes }: QueuedEvent): void {
  expect(bytes <= maxEventBytes, 'event', `at most ${maxEventBytes} bytes of JSON`, bytes)
}

function eventProperties(value: unknown): Record<string, unknown> {
  const properties = plainObject('properties', value)
  if (Object.keys(properties).length > maxProperties) {
    const count = Object.keys(JSON.parse(toJson(properties))).length
    expect(count <= maxProperties, 'properties', `an object of at most ${maxProperties} keys`, count)
  }
  return properties
}

function isoTimestamp(value: unknown, nowMs: number): string {
  if (value === undefined) return isoNow(nowMs)
  const isValid =
    kindOf(value) === 'Date' ||
    (isoDate.test(value as string) && isCalendarDay((value as string).slice(0, 10)))
  const date = new Date(isValid ? (value as Date) : Number.NaN)
  expect(!Number.isNaN(+date), 'timestamp', 'a valid Date or an ISO 8601 string', value)
  return date.toISOString()
}

/** JavaScript takes February 30th for March 2nd. */
function isCalendarDay(day: string): boolean {
  return new Date(day).getUTCDate() === Number(day.slice(8))
}

let second = 0
let secondPrefix = ''

/** `toISOString` costs as much as serialising the event: one a second is enough. */
function isoNow(nowMs: number): string {
  const ms = nowMs % 1000
  if (nowMs - ms !== second) {
    second = nowMs - ms
    secondPrefix = new Date(second).toISOString().slice(0, 20)
  }
  return `${secondPrefix}${String(ms).padStart(3, '0')}Z`
}
