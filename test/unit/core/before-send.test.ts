import { describe, expect, it } from 'vitest'
import type { GFluxEvent } from '../../../src/index.ts'
import { errorOf, openClient, PERSONAL, untyped } from '../../support/client.ts'

const input = { userId: 'user_1', properties: { email: PERSONAL, plan: 'pro' }, context: { path: '/' } }

describe('beforeSend', () => {
  it('gets the event as the API would', async () => {
    const seen: GFluxEvent[] = []
    const { gflux, ingest } = openClient({
      beforeSend: (event) => {
        seen.push(structuredClone(event))
        return event
      },
    })

    await gflux.track('opened', input)
    await gflux.identify({ anonymousId: 'anon_1', userId: 'user_1', traits: { plan: 'pro' } })
    await gflux.flush()

    expect(seen).toEqual(ingest.events)
    expect(seen).toMatchObject([
      { event: 'opened', external_id: 'user_1', properties: input.properties, context: { path: '/' } },
      { event: 'identify', anonymous_id: 'anon_1', properties: { traits: { plan: 'pro' } } },
    ])
  })

  it('redacts a copy, in place or by another object', async () => {
    const { gflux, ingest } = openClient({
      beforeSend: (event) => {
        delete event.properties?.['email']
        return { ...event, context: { redacted: true } }
      },
    })

    await gflux.track('opened', input)
    await gflux.flush()

    expect(ingest.events).toMatchObject([{ properties: { plan: 'pro' }, context: { redacted: true } }])
    expect(JSON.stringify(ingest.events)).not.toContain(PERSONAL)
    expect(input.properties.email).toBe(PERSONAL)
  })

  it('renames an event, replaces its ids and its time', async () => {
    const { gflux, ingest } = openClient({
      beforeSend: ({ external_id: _id, ...event }) => ({
        ...event,
        event: 'closed',
        anonymous_id: 'anon_1',
        timestamp: '2026-01-02T00:00:00Z',
      }),
    })

    await gflux.track('opened', input)
    await gflux.flush()

    expect(ingest.events).toMatchObject([
      { event: 'closed', anonymous_id: 'anon_1', timestamp: '2026-01-02T00:00:00.000Z' },
    ])
    expect(ingest.events[0]).not.toHaveProperty('external_id')
  })

  it('drops an event with null', async () => {
    const { gflux, ingest } = openClient({
      flushAt: 2,
      beforeSend: (event) => (event.properties?.['plan'] === 'pro' ? null : event),
    })

    const dropped = await gflux.track('opened', input)
    const kept = await gflux.track('opened', { userId: 'user_1' })
    const result = await gflux.flush()

    expect([dropped, kept]).toEqual([null, null])
    expect(result).toMatchObject({ accepted: 1, rejected: 0, pending: 0 })
    expect(ingest.events).toHaveLength(1)
  })

  it('runs at the call, once for each event', async () => {
    let calls = 0
    const { gflux, ingest } = openClient({
      beforeSend: (event) => {
        calls += 1
        return event
      },
    })
    ingest.fail({ reset: 'after' })

    void gflux.track('opened', input)
    const callsAtOnce = calls
    await gflux.flush()

    expect(callsAtOnce).toBe(1)
    expect(calls).toBe(1)
    expect(ingest.stats).toMatchObject({ requests: 2, stored: 1, duplicates: 0 })
  })

  it.each<[title: string, beforeSend: (event: GFluxEvent) => unknown, named: RegExp]>([
    ['returns undefined', () => undefined, /beforeSend/],
    ['returns a promise', async (event) => event, /beforeSend/],
    ['returns a promise of null', async () => null, /beforeSend/],
    ['returns a string', () => PERSONAL, /beforeSend/],
    ['returns an array', (event) => [event], /beforeSend/],
    ['returns true', () => true, /beforeSend/],
    ['returns an empty object', () => ({}), /event/],
    ['spoils the name', (event) => ({ ...event, event: PERSONAL }), /event/],
    ['takes every id', ({ external_id: _id, ...event }) => event, /userId/],
    ['spoils an id', (event) => ({ ...event, anonymous_id: 42 }), /anonymousId/],
    ['spoils the properties', (event) => ({ ...event, properties: [PERSONAL] }), /properties/],
    ['spoils a property', (event) => ({ ...event, properties: { plan: Number.NaN } }), /plan/],
    [
      'adds a cycle',
      (event) => ({ ...event, properties: { event: Object.assign(event, { properties: event }) } }),
      /properties/,
    ],
    ['spoils the context', (event) => ({ ...event, context: PERSONAL }), /context/],
    ['spoils the time', (event) => ({ ...event, timestamp: 'soon' }), /timestamp/],
    ['makes it too large', (event) => ({ ...event, properties: { text: 'x'.repeat(33_000) } }), /event/],
    [
      'throws',
      () => {
        throw new Error(PERSONAL)
      },
      /beforeSend/,
    ],
    [
      'throws what is no error',
      () => {
        throw PERSONAL
      },
      /beforeSend/,
    ],
  ])('that %s refuses the event, clearly', async (_title, beforeSend, named) => {
    const { gflux, ingest, logged } = openClient({ beforeSend: untyped(beforeSend) })

    const error = await errorOf(() => gflux.track('opened', input))
    const flushed = await gflux.flush()

    expect(error.code).toBe('validation_error')
    expect(error.message).toMatch(named)
    expect(error.message).not.toContain(PERSONAL)
    expect(logged.join()).not.toContain(PERSONAL)
    expect(flushed).toMatchObject({ accepted: 0, rejected: 0, pending: 0 })
    expect(ingest.requests).toEqual([])
  })

  it('that throws keeps its error as the cause', async () => {
    const cause = new Error('mine')
    const { gflux } = openClient({
      beforeSend: () => {
        throw cause
      },
    })

    const error = await errorOf(() => gflux.track('opened', input))

    expect(error.cause).toBe(cause)
  })
})
