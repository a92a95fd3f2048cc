import { describe, expect, it } from 'vitest'
import { BATCH, batch, openInProcess, SECRET } from './doors.ts'

const INVALID = { error: 'validation_error', detail: expect.any(String) }

describe('the batch endpoint', () => {
  it('stores the events as they were sent', async () => {
    const { ingest, post } = openInProcess()
    const event = {
      event: 'signed_up',
      anonymous_id: 'a',
      properties: { plan: 'pro' },
      context: { ip: '::1' },
    }

    const response = await post(BATCH, { events: [event] })

    expect(response.status).toBe(202)
    expect(await response.json()).toEqual({
      accepted: 1,
      rejected: 0,
      request_id: expect.stringMatching(/^req_[0-9a-f]+$/),
    })
    expect(ingest.events).toEqual([event])
  })

  it('rejects invalid events by index and stores the others', async () => {
    const { ingest, post } = openInProcess()

    const response = await post(BATCH, batch('one', 'Not Snake', 'two', '3'))

    expect(response.status).toBe(202)
    expect(await response.json()).toMatchObject({
      accepted: 2,
      rejected: 2,
      errors: [
        { index: 1, error: 'validation_error', detail: 'event name must be snake_case' },
        { index: 3, error: 'validation_error', detail: 'event name must be snake_case' },
      ],
    })
    expect(ingest.events.map(({ event }) => event)).toEqual(['one', 'two'])
    expect(ingest.stats).toMatchObject({ stored: 2, rejected: 2 })
  })

  it.each([
    [50, 202],
    [51, 400],
    [0, 400],
  ])('answers %i events with %i', async (count, status) => {
    const { ingest, post } = openInProcess()

    const response = await post(BATCH, batch(...Array.from({ length: count }, () => 'clicked')))

    expect(response.status).toBe(status)
    expect(ingest.events).toHaveLength(status === 202 ? count : 0)
  })

  it.each([
    ['an array', []],
    ['events that are no array', { events: {} }],
    ['no events', {}],
    ['an unknown field', { events: batch('a').events, sent_at: 1 }],
    ['text that is not JSON', '{"events":['],
    ['nothing', ''],
  ])('refuses %s', async (_title, body) => {
    const { post } = openInProcess()

    const response = await post(BATCH, body)

    expect(response.status).toBe(400)
    expect(await response.json()).toEqual(INVALID)
  })

  it('refuses a body that is not UTF-8', async () => {
    const { ingest } = openInProcess()

    const response = await ingest.fetch(`https://api.getfluxly.com${BATCH}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    })

    expect(response.status).toBe(400)
  })

  it('refuses a body of more than 256 KB, in bytes of UTF-8', async () => {
    const { ingest, post } = openInProcess()
    const event = (fill: string) => ({ event: 'a', user_id: 'u', properties: { fill } })
    const filler = Array.from({ length: 8 }, () => event('é'.repeat(16_000)))
    const room =
      256 * 1024 - new TextEncoder().encode(JSON.stringify({ events: [...filler, event('')] })).length

    const fitting = await post(BATCH, { events: [...filler, event('a'.repeat(room))] })
    const larger = await post(BATCH, { events: [...filler, event('a'.repeat(room + 1))] })

    expect([fitting.status, larger.status]).toEqual([202, 413])
    expect(await larger.json()).toMatchObject({ error: 'payload_too_large' })
    expect(ingest.stats).toMatchObject({ stored: 9, maxBytesPerRequest: 256 * 1024 + 1 })
  })

  it.each([
    ['application/json', 202],
    ['Application/JSON; charset=utf-8', 202],
    ['text/plain', 400],
    ['application/jsonl', 400],
  ])('answers Content-Type %s with %i', async (contentType, status) => {
    const { post } = openInProcess()

    const response = await post(BATCH, batch('a'), { headers: { 'content-type': contentType } })

    expect(response.status).toBe(status)
  })

  it.each([
    ['GET', BATCH],
    ['PUT', BATCH],
    ['POST', '/v1/events/batches'],
    ['POST', '/v1/events/'],
    ['POST', '/v1/profiles//erase'],
    ['POST', '/v1/profiles/%E0%A4%A/erase'],
    ['POST', '/'],
  ])('finds nothing at %s %s', async (method, path) => {
    const { post } = openInProcess()

    const response = await post(path, {}, { method })

    expect(response.status).toBe(404)
    expect(await response.json()).toEqual({ error: 'not_found', detail: expect.any(String) })
  })

  it('rejects an event nested too deeply to be written, and stores the others', async () => {
    const { ingest, post } = openInProcess()
    const deep = `{"event":"deep","user_id":"u","properties":{"a":${'['.repeat(15_000)}${']'.repeat(15_000)}}}`

    const response = await post(BATCH, `{"events":[{"event":"first","user_id":"u"},${deep}]}`)

    expect(await response.json()).toMatchObject({ accepted: 1, rejected: 1, errors: [{ index: 1 }] })
    expect(ingest.stats).toMatchObject({ stored: 1, rejected: 1 })
  })

  it('gives every request an id of its own', async () => {
    const { post } = openInProcess({ random: () => 0.5, now: () => 0 })

    const ids = new Set<string>()
    for (let count = 0; count < 100; count += 1) {
      ids.add(((await (await post(BATCH, batch('a'))).json()) as { request_id: string }).request_id)
    }

    expect(ids.size).toBe(100)
  })
})

describe('the endpoint for a single event', () => {
  it('stores a valid event', async () => {
    const { ingest, post } = openInProcess()

    const response = await post('/v1/events', batch('signed_up').events[0])

    expect(response.status).toBe(202)
    expect(await response.json()).toEqual({ accepted: 1, rejected: 0, request_id: expect.any(String) })
    expect(ingest.events).toHaveLength(1)
  })

  it('refuses an invalid event', async () => {
    const { ingest, post } = openInProcess()

    const response = await post('/v1/events', { event: 'signed_up' })

    expect(response.status).toBe(400)
    expect(await response.json()).toEqual(INVALID)
    expect(ingest.stats).toMatchObject({ stored: 0, rejected: 1 })
  })
})
