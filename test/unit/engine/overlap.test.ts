import { describe, expect, it } from 'vitest'
import { abandonFlush, keysOf, openVirtual, type VirtualClient } from '../../support/virtual-client.ts'

describe('overlapping flushes', () => {
  it('each settle when their own events are, and not later', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { latencyMs: 200 }, { latencyMs: 4_000 })
    const began = clock.now()
    track(1)
    const first = gflux.flush()
    await clock.settle()
    track(1)
    const second = gflux.flush()

    const firstResult = await clock.outcome(first)
    const firstTook = clock.now() - began
    const secondResult = await clock.outcome(second)

    expect(firstResult).toMatchObject({ accepted: 1, pending: 0 })
    expect(firstTook).toBeLessThan(400)
    expect(secondResult).toMatchObject({ accepted: 2, pending: 0 })
    expect(clock.now() - began).toBe(4_000)
    expect(api.calls).toHaveLength(2)
  })

  it('wait for what another one has under way', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { latencyMs: 3_000 })
    const began = clock.now()
    track(1)
    void gflux.flush()
    await clock.settle()

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 1 })
    expect(clock.now() - began).toBeGreaterThanOrEqual(3_000)
    expect(api.calls).toHaveLength(1)
  })

  it.each([503, 'reset', 429] as const)('do not use up each other’s retries: %s', async (gets) => {
    const { gflux, clock, api, track, stored } = openVirtual()
    const recoversAt = clock.now() + 300
    api.otherwise = () => (clock.now() < recoversAt ? { gets } : {})
    track(1)
    const budgeted = gflux.flush({ timeoutMs: 5_000, ifDown: 'skip' })

    const flushes: Promise<unknown>[] = [budgeted]
    for (let n = 0; n < 4; n++) {
      await clock.advance(30)
      track(1)
      flushes.push(gflux.flush())
    }
    await clock.outcome(Promise.all(flushes))

    expect(stored().sort()).toEqual(['e1', 'e2', 'e3', 'e4', 'e5'])
    expect(api.calls.length).toBeLessThanOrEqual(5 * 3)
  })

  it('send at once what another one backs off from, where the time does not suffice for that', async () => {
    const { gflux, clock, track } = openVirtual({}, { gets: 503 })
    track(1)
    void gflux.flush()
    await clock.advance(50)

    const result = await clock.outcome(gflux.flush({ timeoutMs: 120 }))

    expect(result).toMatchObject({ accepted: 1, pending: 0 })
  })

  it('send an API that is down few more requests than each has retries', async () => {
    const { gflux, clock, api, track } = openVirtual()
    api.otherwise = () => ({ gets: 503, latencyMs: 2 })
    for (let n = 0; n < 200; n++) {
      track(1)
      gflux.flush().catch(() => undefined)
      await clock.advance(15)
    }

    expect(api.calls.length).toBeLessThan(200 * 5)
  })

  it('send what is new while the first one hangs', async () => {
    const { gflux, clock, track, stored } = openVirtual({}, { gets: 'hang' })
    const began = clock.now()
    track(1)
    void gflux.flush()
    await clock.settle()
    track(1)

    const result = await clock.outcome(gflux.flush({ timeoutMs: 1_000 }))

    expect(result).toMatchObject({ accepted: 1, pending: 1 })
    expect(stored()).toEqual(['e2'])
    expect(clock.now() - began).toBeLessThanOrEqual(1_000)
  })

  it('reclaim what an abandoned one held, when its lease has run out', async () => {
    const client = openVirtual({}, { gets: 'hang' })
    const { gflux, clock, api, track } = client
    const began = clock.now()
    track(1)
    await abandonFlush(client)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 1 })
    expect(keysOf(api)).toHaveLength(1)
    expect(clock.now() - began).toBeLessThan(7_000)
    expect(clock.ghosts).toBe(0)
  })

  it('do not let a refusal decide that comes after its claim has run out', async () => {
    const { gflux, clock, track, stored, dropped } = openVirtual({}, { gets: 401 }, { latencyMs: 300 })
    track(1)
    const first = gflux.flush()
    await clock.settle()
    clock.freeze(20_000)

    const second = await clock.outcome(gflux.flush())

    expect(second).toMatchObject({ accepted: 1 })
    expect(await clock.outcome(first)).toMatchObject({ accepted: 1 })
    expect(stored()).toEqual(['e1'])
    expect(dropped).toEqual([])
  })

  it('do not wait for others’ events that shared a batch with theirs before a 413', async () => {
    const { gflux, clock, api, track } = openVirtual({ concurrency: 1, maxRetries: 0 })
    api.next = [{ latencyMs: 100 }, { gets: 413 }, {}, { gets: 'hang' }]
    const began = clock.now()
    track(1)
    void gflux.flush()
    await clock.settle()
    track(1)
    const flushed = gflux.flush()
    track(1)

    const result = await clock.outcome(flushed)

    expect(result).toMatchObject({ accepted: 2, pending: 0 })
    expect(clock.now() - began).toBeLessThan(1_000)
  })

  it('in one run of code send every event once', async () => {
    const { gflux, clock, track, stored } = openVirtual()
    track(60)

    const flushes = [gflux.flush(), gflux.flush(), gflux.flush({ ifDown: 'skip' })]
    await clock.drain()

    expect(await Promise.all(flushes)).toMatchObject([{ accepted: 60 }, { accepted: 60 }, { accepted: 60 }])
    expect(stored()).toHaveLength(60)
  })
})

describe('concurrency', () => {
  it.each([1, 2, 4, 7])('is %i batches at most, over all flushes', async (concurrency) => {
    const client = openVirtual({ concurrency })
    const most = watch(client)
    client.track(250)
    const first = client.gflux.flush()
    await client.clock.advance(5)
    client.track(250)

    const second = await client.clock.outcome(client.gflux.flush())

    expect(second).toMatchObject({ accepted: 500 })
    expect(await first).toMatchObject({ accepted: 250 })
    expect(most()).toBe(concurrency)
  })

  it('is 4 where nothing is said', async () => {
    const client = openVirtual()
    const most = watch(client)
    client.track(500)

    await client.clock.outcome(client.gflux.flush())

    expect(most()).toBe(4)
  })

  it('counts an abandoned claim until its lease has run out', async () => {
    const client = openVirtual({ concurrency: 1, timeoutMs: 2_000 }, { gets: 'hang' })
    const { gflux, clock, api, track } = client
    track(1)
    await abandonFlush(client)
    track(1)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 2 })
    expect((api.calls[1]?.sentAt ?? 0) - (api.calls[0]?.sentAt ?? 0)).toBeGreaterThan(2_000)
  })
})

/** The most requests that were in flight at once. */
function watch({ api }: VirtualClient): () => number {
  let most = 0
  api.onCall = () => {
    most = Math.max(most, api.inFlight.length)
  }
  return () => most
}
