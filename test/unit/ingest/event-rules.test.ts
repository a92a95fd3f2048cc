import { describe, expect, it } from 'vitest'
import { findEventFault } from '../../../ingest/event-rules.ts'

const EVENT = { event: 'signed_up', external_id: 'user_42' }

function keys(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`key_${index}`, index]))
}

describe('event rules', () => {
  it.each([
    ['the smallest event', EVENT],
    ['a name of 64 characters', { ...EVENT, event: 'a'.repeat(64) }],
    ['digits in the name', { ...EVENT, event: 'step_2_done3' }],
    ['only an anonymous id', { event: 'signed_up', anonymous_id: 'a' }],
    ['only a profile id', { event: 'signed_up', user_id: 'u' }],
    ['32 properties', { ...EVENT, properties: keys(32) }],
    ['a UTC timestamp', { ...EVENT, timestamp: '2026-05-16T07:00:00.123Z' }],
    ['a timestamp with an offset', { ...EVENT, timestamp: '2024-02-29T07:00:00+02:00' }],
    ['a date', { ...EVENT, timestamp: '2026-05-16' }],
    ['a context', { ...EVENT, context: { library: { name: 'x' } } }],
    ['an identify without properties', { event: 'identify', external_id: 'u', anonymous_id: 'a' }],
    [
      'an identify with traits',
      { event: 'identify', external_id: 'u', anonymous_id: 'a', properties: { traits: {} } },
    ],
  ])('take %s', (_title, event) => {
    expect(findEventFault(event)).toBeUndefined()
  })

  it.each([
    ['null', null, 'an object'],
    ['an array', [], 'an object'],
    ['a text', 'signed_up', 'an object'],
    ['no name', { external_id: 'u' }, 'event is required'],
    ['a name that is no string', { ...EVENT, event: 1 }, 'event is required'],
    ['a name of 65 characters', { ...EVENT, event: 'a'.repeat(65) }, '64 characters'],
    ['capitals in the name', { ...EVENT, event: 'SignedUp' }, 'snake_case'],
    ['spaces in the name', { ...EVENT, event: 'signed up' }, 'snake_case'],
    ['a leading digit', { ...EVENT, event: '2_steps' }, 'snake_case'],
    ['a doubled underscore', { ...EVENT, event: 'signed__up' }, 'snake_case'],
    ['a trailing underscore', { ...EVENT, event: 'signed_' }, 'snake_case'],
    ['a trailing line feed', { ...EVENT, event: 'signed\n' }, 'snake_case'],
    ['no id', { event: 'signed_up' }, 'one of anonymous_id'],
    ['an empty id', { ...EVENT, anonymous_id: '' }, 'anonymous_id must be'],
    ['a null id', { ...EVENT, user_id: null }, 'user_id must be'],
    ['a number as id', { event: 'signed_up', external_id: 42 }, 'external_id must be'],
    ['33 properties', { ...EVENT, properties: keys(33) }, '33 keys'],
    ['an array as properties', { ...EVENT, properties: [] }, 'properties must be'],
    ['null as properties', { ...EVENT, properties: null }, 'properties must be'],
    ['a number as timestamp', { ...EVENT, timestamp: 1_700_000_000 }, 'ISO 8601'],
    ['a timestamp without offset', { ...EVENT, timestamp: '2026-05-16T07:00:00' }, 'ISO 8601'],
    ['a day that is not', { ...EVENT, timestamp: '2026-02-30T00:00:00Z' }, 'ISO 8601'],
    ['a month that is not', { ...EVENT, timestamp: '2026-13-01T00:00:00Z' }, 'ISO 8601'],
    ['an offset that is not', { ...EVENT, timestamp: '2026-01-01T00:00:00+99:99' }, 'ISO 8601'],
    ['an hour that is not', { ...EVENT, timestamp: '2026-01-01T24:30:00Z' }, 'ISO 8601'],
    ['a text as timestamp', { ...EVENT, timestamp: 'yesterday' }, 'ISO 8601'],
    ['a text as context', { ...EVENT, context: 'web' }, 'context must be'],
    ['an unknown field', { ...EVENT, externalId: 'u' }, 'unknown field "externalId"'],
    ['an identify without anonymous id', { event: 'identify', external_id: 'u' }, 'needs both'],
    ['an identify without external id', { event: 'identify', anonymous_id: 'a', user_id: 'u' }, 'needs both'],
    [
      'traits that are no object',
      { event: 'identify', external_id: 'u', anonymous_id: 'a', properties: { traits: 1 } },
      'properties.traits',
    ],
  ])('reject %s', (_title, event, reason) => {
    expect(findEventFault(event)).toContain(reason)
  })

  it('count the size of an event in bytes of UTF-8', () => {
    const frame = JSON.stringify({ ...EVENT, properties: { text: '' } }).length
    const fitting = 'é'.repeat((32 * 1024 - frame) / 2)

    const faults = [fitting, `${fitting}aa`].map((text) => findEventFault({ ...EVENT, properties: { text } }))

    expect(faults).toEqual([undefined, expect.stringContaining('at most 32768')])
  })
})
