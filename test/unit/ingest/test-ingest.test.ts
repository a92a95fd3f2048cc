import { describe, expect, it } from 'vitest'
import { createTestIngest, type RequestRecord } from '../../../ingest/index.ts'
import { BATCH, batch, DOORS, openInProcess, SECRET, until, uuid } from './doors.ts'

function request(init: RequestInit = {}): Request {
  return new Request(`https://api.getfluxly.com${BATCH}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' },
    body: JSON.stringify(batch('one')),
    ...init,
  })
}

describe.each(DOORS)('the ingest remembers, $door,', ({ open }) => {
  it('each request', async () => {
    let now = 1000
    const { ingest, post, close } = await open({ now: () => now++ })

    await post(`${BATCH}?a=b`, batch('one', 'Two'), { headers: { 'x-idempotency-key': uuid(1) } })
    await post('/v1/events', batch('three').events[0])
    await close()

    const bytes = JSON.stringify(batch('one', 'Two')).length
    expect(ingest.requests[0]).toEqual({
      method: 'POST',
      path: BATCH,
      headers: expect.objectContaining({ 'content-type': 'application/json' }),
      keyKind: 'secret',
      idempotencyKey: uuid(1),
      events: batch('one', 'Two').events,
      body: batch('one', 'Two'),
      bytes,
      status: 202,
      answer: expect.stringContaining('snake_case'),
      replayed: false,
      receivedAt: 1000,
      settledAt: expect.any(Number),
    })
    expect(ingest.requests[1]).toMatchObject({ path: '/v1/events', events: batch('three').events })
    expect(ingest.stats).toMatchObject({ requests: 2, maxEventsPerRequest: 2, maxBytesPerRequest: bytes })
  })
})

describe('the ingest', () => {
  it('counts equal events as duplicates, in whatever order their fields come', async () => {
    const { ingest, post } = openInProcess()

    await post(BATCH, {
      events: [
        { event: 'a', user_id: 'u', properties: { x: [1, { y: 2, z: null }], w: 1 } },
        { properties: { w: 1, x: [1, { z: null, y: 2 }] }, user_id: 'u', event: 'a' },
        { event: 'a', user_id: 'u', properties: { x: [1, { y: 3, z: null }], w: 1 } },
      ],
    })

    expect(ingest.stats).toMatchObject({ stored: 3, duplicates: 1 })
  })

  it('tells of each settled request', async () => {
    const settled: RequestRecord[] = []
    const { post } = openInProcess({ onRequest: (record) => settled.push(record) })

    await post(BATCH, batch('one'))

    expect(settled).toMatchObject([{ status: 202, settledAt: expect.any(Number) }])
  })

  it('has a clock, a timer and chance of its own', async () => {
    const { ingest, post } = openInProcess()
    ingest.fail({ delayMs: 1, share: 0.5 })

    for (let sent = 0; sent < 20; sent += 1) await post(BATCH, batch('one'))

    const struck = ingest.requests.filter(({ failure }) => failure !== undefined).length
    expect(struck).toBeGreaterThan(0)
    expect(struck).toBeLessThan(20)
    expect(ingest.requests[0]?.receivedAt).toBeGreaterThan(Date.parse('2026-01-01'))
  })

  it('draws nothing, waits for nothing and reads no clock when it is created', () => {
    const forbidden = () => {
      throw new Error('used at creation')
    }

    expect(() => createTestIngest({ now: forbidden, random: forbidden, sleep: forbidden })).not.toThrow()
  })
})

describe('the web-standard door', () => {
  it('answers a request with a response', async () => {
    const ingest = createTestIngest()

    const response = await ingest.handle(request())

    expect(response).toBeInstanceOf(Response)
    expect(response.status).toBe(202)
  })

  it('leaves redirects to its caller', async () => {
    const ingest = createTestIngest()
    ingest.fail({ redirect: '/elsewhere' })

    expect((await ingest.handle(request())).status).toBe(307)
  })

  it('ends a request that hangs when its signal aborts', async () => {
    const ingest = createTestIngest()
    const giveUp = new AbortController()
    ingest.fail({ hang: true })

    const pending = ingest.handle(request({ signal: giveUp.signal }))
    await until(() => ingest.requests[0]?.status === 'hang')
    giveUp.abort(new Error('enough'))

    await expect(pending).rejects.toThrow('enough')
    await until(() => ingest.stats.inFlight === 0)
  })
})

describe('the in-process door', () => {
  it('takes what fetch takes', async () => {
    const { fetch: send } = createTestIngest()

    const responses = [
      await send(request()),
      await send(new URL(`https://api.getfluxly.com${BATCH}`), { method: 'POST' }),
      await send('https://api.getfluxly.com/'),
    ]

    expect(responses.map(({ status }) => status)).toEqual([202, 401, 404])
  })

  it('sends nothing where the signal has aborted already', async () => {
    const ingest = createTestIngest()

    await expect(ingest.fetch(request(), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    })

    expect(ingest.requests).toEqual([])
  })

  it('honours the signal of a request it is given', async () => {
    const ingest = createTestIngest()
    const giveUp = new AbortController()
    ingest.fail({ hang: true })

    const pending = ingest.fetch(request({ signal: giveUp.signal }))
    await until(() => ingest.requests[0]?.status === 'hang')
    giveUp.abort()

    await expect(pending).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('keeps the key from another origin when it follows a redirect', async () => {
    const ingest = createTestIngest()
    ingest.fail({ redirect: `https://elsewhere.test${BATCH}` })

    const response = await ingest.fetch(request())

    expect(response.status).toBe(401)
    expect(ingest.requests.map(({ keyKind }) => keyKind)).toEqual(['secret', undefined])
  })

  it('gives up after 20 redirects', async () => {
    const ingest = createTestIngest()
    ingest.fail({ redirect: BATCH, times: Number.POSITIVE_INFINITY })

    await expect(ingest.fetch(request())).rejects.toMatchObject({
      cause: { message: 'redirect count exceeded' },
    })

    expect(ingest.stats.requests).toBe(21)
  })
})
