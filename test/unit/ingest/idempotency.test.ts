import { describe, expect, it } from 'vitest'
import { BATCH, batch, createGate, openInProcess, until, uuid } from './doors.ts'

const DAY_MS = 24 * 60 * 60 * 1000

function keyed(digit: number, headers: Record<string, string> = {}) {
  return { headers: { 'x-idempotency-key': uuid(digit), ...headers } }
}

describe('an idempotency key', () => {
  it('brings back the original response and stores nothing twice', async () => {
    const { ingest, post } = openInProcess()

    const first = await post(BATCH, batch('one', 'No'), keyed(1))
    const second = await post(BATCH, batch('one', 'No'), keyed(1))

    expect(second.status).toBe(202)
    expect(await second.text()).toBe(await first.text())
    expect(ingest.stats).toMatchObject({ stored: 1, rejected: 1, replays: 1, duplicates: 0, keyConflicts: 0 })
    expect(ingest.requests.map(({ replayed }) => replayed)).toEqual([false, true])
  })

  it('is the same in capitals', async () => {
    const { ingest, post } = openInProcess()
    const key = 'abcdefab-0000-4000-8000-000000000000'

    await post(BATCH, batch('one'), { headers: { 'x-idempotency-key': key } })
    await post(BATCH, batch('one'), { headers: { 'x-idempotency-key': key.toUpperCase() } })

    expect(ingest.stats).toMatchObject({ stored: 1, replays: 1 })
  })

  it('lives for 24 hours', async () => {
    let now = 1000
    const { ingest, post } = openInProcess({ now: () => now })

    await post(BATCH, batch('one'), keyed(1))
    now += DAY_MS - 1
    await post(BATCH, batch('one'), keyed(1))
    now += 1
    await post(BATCH, batch('one'), keyed(1))

    expect(ingest.stats).toMatchObject({ stored: 2, replays: 1, duplicates: 1 })
  })

  it.each([
    ['API key', BATCH, { authorization: 'Bearer gflux_secret_other' }],
    ['endpoint', '/v1/events', {}],
  ])('belongs to one %s', async (_title, path, headers) => {
    const { ingest, post } = openInProcess()

    await post(BATCH, batch('one'), keyed(1))
    await post(path, path === BATCH ? batch('one') : batch('one').events[0], keyed(1, headers))

    expect(ingest.stats).toMatchObject({ stored: 2, replays: 0 })
  })

  it('brings back the original response for another body too, and counts it', async () => {
    const { ingest, post } = openInProcess()

    const first = await post(BATCH, batch('one'), keyed(1))
    const second = await post(BATCH, batch('two'), keyed(1))

    expect(await second.text()).toBe(await first.text())
    expect(ingest.stats).toMatchObject({ stored: 1, replays: 1, keyConflicts: 1 })
  })

  it.each(['', '1', 'not-a-uuid', `${uuid(1)}0`])('is refused as `%s`', async (key) => {
    const { post } = openInProcess()

    const response = await post(BATCH, batch('one'), { headers: { 'x-idempotency-key': key } })

    expect(response.status).toBe(400)
  })

  it('makes a concurrent request wait for the first one and replays that', async () => {
    const gate = createGate()
    const { ingest, post } = openInProcess({ sleep: () => gate.passed })
    ingest.fail({ delayMs: 1000 })

    const first = post(BATCH, batch('one'), keyed(1))
    const second = post(BATCH, batch('one'), keyed(1))
    await until(() => ingest.requests.length === 2 && ingest.requests[1]?.bytes !== 0)
    const whileWaiting = { ...ingest.stats }
    gate.open()
    const bodies = await Promise.all([first, second].map(async (response) => (await response).text()))

    expect(whileWaiting).toMatchObject({ stored: 0, inFlight: 2 })
    expect(bodies[0]).toBe(bodies[1])
    expect(ingest.stats).toMatchObject({ stored: 1, replays: 1, inFlight: 0, maxInFlight: 2 })
  })

  it('lets a waiting request try for itself when the first was rate limited', async () => {
    const gate = createGate()
    const rateLimit = { eventsPerSecond: 1, burst: 1 }
    const { ingest, post } = openInProcess({ now: () => 0, rateLimit, sleep: () => gate.passed })
    await post(BATCH, batch('zero'))
    ingest.fail({ delayMs: 1000 })

    const pending = [post(BATCH, batch('one'), keyed(1)), post(BATCH, batch('one'), keyed(1))]
    await until(() => ingest.requests.length === 3 && ingest.requests[2]?.bytes !== 0)
    gate.open()
    const statuses = (await Promise.all(pending)).map(({ status }) => status)

    expect(statuses).toEqual([429, 429])
    expect(ingest.stats).toMatchObject({ stored: 1, replays: 0 })
  })

  it.each([{ status: 503 }, { reset: 'before' as const }, { redirect: '/elsewhere' }])(
    'stays free after a failure before storing: %o',
    async (failure) => {
      const { ingest, post } = openInProcess()
      ingest.fail(failure)

      await post(BATCH, batch('one'), { ...keyed(1), redirect: 'manual' }).catch(() => undefined)
      const retry = await post(BATCH, batch('one'), keyed(1))

      expect(retry.status).toBe(202)
      expect(ingest.stats).toMatchObject({ stored: 1, replays: 0 })
    },
  )

  it('brings back a refusal that was processed', async () => {
    const { ingest, post } = openInProcess()

    const first = await post('/v1/identify/alias', {}, keyed(1))
    const second = await post('/v1/identify/alias', {}, keyed(1))

    expect(second.status).toBe(400)
    expect(await second.text()).toBe(await first.text())
    expect(ingest.stats.replays).toBe(1)
  })

  it('delays a replay as it delays any other request', async () => {
    const sleeps: number[] = []
    const { ingest, post } = openInProcess({ sleep: async (ms) => void sleeps.push(ms) })

    await post(BATCH, batch('one'), keyed(1))
    ingest.fail({ delayMs: 70 })
    await post(BATCH, batch('one'), keyed(1))

    expect(sleeps).toEqual([70])
  })
})
