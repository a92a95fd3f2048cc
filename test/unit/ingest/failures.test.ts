import { afterEach, describe, expect, it } from 'vitest'
import { BATCH, batch, type Client, createGate, DOORS, type PostInit, until, uuid } from './doors.ts'

const NETWORK_ERROR = { name: 'TypeError', message: 'fetch failed', cause: { code: 'ECONNRESET' } }

describe.each(DOORS)('a failure on demand, $door', ({ open }) => {
  let client: Client
  const keyed = (init: PostInit = {}): PostInit => ({ headers: { 'x-idempotency-key': uuid(1) }, ...init })
  const send = (init?: PostInit) => client.post(BATCH, batch('one'), keyed(init))

  afterEach(() => client.close())

  it.each([
    [400, 'validation_error'],
    [401, 'unauthenticated'],
    [403, 'forbidden'],
    [408, 'timeout'],
    [409, 'alias_conflict'],
    [413, 'payload_too_large'],
    [425, 'too_early'],
    [429, 'rate_limited'],
    [500, 'server_error'],
    [599, 'server_error'],
  ])('answers %i with the error of the API', async (status, error) => {
    client = await open()
    client.ingest.fail({ status })

    const response = await send()

    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error })
    expect(client.ingest.events).toEqual([])
    expect(client.ingest.requests[0]).toMatchObject({ status, failure: { status } })
  })

  it.each([
    [2.5, '2.5'],
    ['soon', 'soon'],
    [new Date(0), 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ])('sends Retry-After from %o', async (retryAfter, header) => {
    client = await open()
    client.ingest.fail({ status: 429, retryAfter })

    const response = await send()

    expect(response.headers.get('retry-after')).toBe(header)
  })

  it.each([
    ['Bad gateway', 'Bad gateway'],
    [{ error: 'mine' }, '{"error":"mine"}'],
    ['', ''],
  ])('answers with a body of one’s own: %o', async (body, text) => {
    client = await open()
    client.ingest.fail({ status: 502, body })

    const response = await send()

    expect(await response.text()).toBe(text)
  })

  it.each([200, 204, 304])('answers %i without storing', async (status) => {
    client = await open()
    client.ingest.fail({ status })

    const response = await send()

    expect(response.status).toBe(status)
    expect(client.ingest.events).toEqual([])
  })

  it('waits, then goes on', async () => {
    const sleeps: number[] = []
    client = await open({ sleep: async (ms) => void sleeps.push(ms) })
    client.ingest.fail({ delayMs: 20 })
    client.ingest.fail({ delayMs: 30, status: 503 })

    const statuses = [(await send()).status, (await send()).status]

    expect(sleeps).toEqual([20, 30])
    expect(statuses).toEqual([202, 503])
  })

  it('stores what it took, though the client gave up during the delay', async () => {
    const gate = createGate()
    const giveUp = new AbortController()
    client = await open({ sleep: () => gate.passed })
    client.ingest.fail({ delayMs: 1000 })

    const pending = send({ signal: giveUp.signal })
    await until(() => client.ingest.requests.some(({ bytes }) => bytes > 0))
    giveUp.abort()
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' })
    gate.open()
    await until(() => client.ingest.stats.inFlight === 0)

    expect(client.ingest.stats.stored).toBe(1)
  })

  it('hangs until the client gives up, and stores nothing', async () => {
    const giveUp = new AbortController()
    client = await open()
    client.ingest.fail({ hang: true })

    const pending = send({ signal: giveUp.signal })
    await until(() => client.ingest.requests[0]?.status === 'hang')
    const hanging = { ...client.ingest.stats }
    giveUp.abort()
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' })
    await until(() => client.ingest.stats.inFlight === 0)
    const retry = await send()

    expect(hanging).toMatchObject({ stored: 0, inFlight: 1 })
    expect(client.ingest.requests[0]).toMatchObject({ status: 'hang', settledAt: expect.any(Number) })
    expect(retry.status).toBe(202)
    expect(client.ingest.stats).toMatchObject({ stored: 1, replays: 0 })
  })

  it('resets the connection before anything is processed', async () => {
    client = await open()
    client.ingest.fail({ reset: 'before' })

    await expect(send()).rejects.toMatchObject(NETWORK_ERROR)
    const storedByFirst = client.ingest.stats.stored
    await send()

    expect(storedByFirst).toBe(0)
    expect(client.ingest.requests.map(({ status }) => status)).toEqual(['reset', 202])
    expect(client.ingest.stats).toMatchObject({ stored: 1, replays: 0 })
  })

  it('resets the connection after storing, and the retry is a replay', async () => {
    client = await open()
    client.ingest.fail({ reset: 'after' })

    await expect(send()).rejects.toMatchObject(NETWORK_ERROR)
    const storedByFirst = client.ingest.stats.stored
    const retry = await send()

    expect(storedByFirst).toBe(1)
    expect(retry.status).toBe(202)
    expect(client.ingest.stats).toMatchObject({ stored: 1, replays: 1, duplicates: 0 })
  })

  it('breaks a body off after storing', async () => {
    client = await open()
    client.ingest.fail({ body: 'truncated' })

    const response = await send()

    expect(response.status).toBe(202)
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(0)
    await expect(response.text()).rejects.toMatchObject({ name: 'TypeError', message: 'terminated' })
    expect(client.ingest.stats.stored).toBe(1)
  })

  it('answers with HTML after storing', async () => {
    client = await open()
    client.ingest.fail({ body: 'not-json' })

    const response = await send()

    expect(response.status).toBe(202)
    expect(response.headers.get('content-type')).toContain('text/html')
    await expect(response.json()).rejects.toBeInstanceOf(SyntaxError)
    expect(client.ingest.stats.stored).toBe(1)
    expect(((await (await send()).json()) as { accepted: number }).accepted).toBe(1)
  })

  it.each([undefined, 301, 302, 308] as const)('redirects with %s and stores nothing', async (status) => {
    client = await open()
    client.ingest.fail({ redirect: '/v2/events', ...(status && { status }) })

    const response = await send({ redirect: 'manual' })

    expect(response.status).toBe(status ?? 307)
    expect(response.headers.get('location')).toBe('/v2/events')
    expect(client.ingest.stats).toMatchObject({ requests: 1, stored: 0 })
  })

  it('makes a client that forbids redirects fail', async () => {
    client = await open()
    client.ingest.fail({ redirect: new URL('http://127.0.0.1:9/') })

    await expect(send({ redirect: 'error' })).rejects.toMatchObject({
      name: 'TypeError',
      cause: { message: 'unexpected redirect' },
    })
  })

  it.each([
    [302, 'GET', 404],
    [307, 'POST', 202],
  ] as const)('is followed as fetch does: %i repeats as %s', async (status, method, end) => {
    client = await open()
    client.ingest.fail({ redirect: BATCH, status })

    const response = await send()

    expect(response.status).toBe(end)
    expect(client.ingest.requests[1]).toMatchObject({ method, path: BATCH, status: end })
  })
})
