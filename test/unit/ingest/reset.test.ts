import { describe, expect, it } from 'vitest'
import { createTestIngest } from '../../../ingest/index.ts'
import { initGFluxNode } from '../../../src/index.ts'
import { BATCH, batch, createGate, openInProcess, SECRET, until, uuid } from './doors.ts'

describe('a reset of the ingest', () => {
  it('forgets everything', async () => {
    const { ingest, post } = openInProcess()
    const keyed = { headers: { 'x-idempotency-key': uuid(1) } }
    await post(BATCH, batch('one'), keyed)
    await post('/v1/identify/alias', { user_id: 'u', previous_id: 'p' })
    await post('/v1/profiles/u/erase', { reason: 'internal' })
    ingest.fail({ status: 500 })

    ingest.reset()

    const { events, requests, aliases, erasures, stats } = ingest
    expect([events, requests, aliases, erasures]).toEqual([[], [], [], []])
    expect(new Set(Object.values(stats))).toEqual(new Set([0]))
    expect((await post(BATCH, batch('one'), keyed)).status).toBe(202)
    expect(ingest.stats).toMatchObject({ stored: 1, replays: 0, duplicates: 0 })
  })

  it('keeps its lists live', async () => {
    const { ingest, post } = openInProcess()
    const { events, requests, aliases, erasures } = ingest
    const fill = async () => {
      await post(BATCH, batch('one'))
      await post('/v1/identify/alias', { user_id: 'u', previous_id: 'p' })
      await post('/v1/profiles/u/erase', { reason: 'internal' })
    }
    await fill()

    ingest.reset()

    expect([events, requests, aliases, erasures]).toEqual([[], [], [], []])
    await fill()
    expect([events, requests, aliases, erasures].map(({ length }) => length)).toEqual([1, 3, 1, 1])
    expect(ingest.events).toBe(events)
  })

  it('stores nothing afterwards of what arrived before', async () => {
    const gate = createGate()
    const { ingest, post } = openInProcess({ sleep: () => gate.passed })
    ingest.fail({ delayMs: 1 })

    const late = post(BATCH, batch('late'))
    await until(() => ingest.requests[0]?.bytes !== 0)
    ingest.reset()
    gate.open()

    expect((await late).status).toBe(202)
    expect([ingest.events, ingest.requests]).toEqual([[], []])
    expect(ingest.stats).toMatchObject({ requests: 0, stored: 0, inFlight: 0, maxInFlight: 0 })
  })

  it('isolates tests that share a client, with a flush and another reset', async () => {
    const ingest = createTestIngest()
    const gflux = initGFluxNode({ token: SECRET, fetch: ingest.fetch, maxRetries: 0 })
    const seen: (string | undefined)[] = []
    await gflux.track('other', { userId: 'u' })
    ingest.fail({ status: 503, times: Number.POSITIVE_INFINITY })
    for (let sent = 0; sent < 2; sent += 1) await gflux.flush().catch(() => undefined) // down from here on

    ingest.reset()
    await gflux.flush()
    seen.push(...ingest.events.map(({ event }) => event))
    ingest.reset()
    await gflux.track('mine', { userId: 'u' })
    await gflux.flush({ ifDown: 'skip' })
    seen.push(...ingest.events.map(({ event }) => event))

    expect(seen).toEqual(['other', 'mine'])
  })
})
