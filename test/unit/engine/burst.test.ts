import { describe, expect, it } from 'vitest'
import { keysOf, openVirtual } from '../../support/virtual-client.ts'

describe('a burst of un-awaited calls', () => {
  it('arrives in full batches, in one flush, though the API fails one request in three', async () => {
    const { clock, api, trackEach, stored } = openVirtual({ flushAt: 20, maxQueueSize: 5_000, maxRetries: 5 })
    let count = 0
    api.otherwise = () => (++count % 3 ? {} : { gets: 503 })
    const calls = trackEach(3_000)

    await clock.drain()
    const results = await Promise.all(calls)

    expect(new Set(stored()).size).toBe(3_000)
    expect(stored()).toHaveLength(3_000)
    expect(keysOf(api)).toHaveLength(60)
    expect(api.calls.every(({ events }) => events.length === 50)).toBe(true)
    expect(api.calls).toHaveLength(60 + api.calls.filter(({ got }) => got === 503).length)
    expect(results.slice(0, 19)).toEqual(Array(19).fill(null))
    expect(new Set(results.slice(19)).size).toBe(1)
    expect(results[19]).toMatchObject({ accepted: 3_000, rejected: 0, pending: 0 })
  })

  it('keeps the order of the calls within each batch', async () => {
    const { clock, api, track } = openVirtual({ flushAt: 100 })
    track(120)

    await clock.drain()

    const names = api.calls.flatMap(({ events }) => events.map(({ event }) => event))
    expect(names).toEqual(Array.from({ length: 120 }, (_, index) => `e${index + 1}`))
  })

  it('splits batches by bytes as well', async () => {
    const { gflux, clock, api } = openVirtual()
    const padding = 'é'.repeat(15_000)
    for (let n = 1; n <= 20; n++) void gflux.track(`e${n}`, { userId: 'u', properties: { padding } })

    await clock.outcome(gflux.flush())

    expect(api.events).toHaveLength(20)
    expect(api.calls.map(({ events }) => events.length)).toEqual([8, 8, 4])
    expect(api.violations).toEqual([])
  })
})

describe('flushAt', () => {
  it('makes the call that reaches it resolve to the result of its flush, and the others to null', async () => {
    const { clock, trackEach } = openVirtual({ flushAt: 3 })

    const calls = trackEach(3)
    await clock.drain()

    const [first, second, third] = await Promise.all(calls)
    expect([first, second]).toEqual([null, null])
    expect(third).toMatchObject({ accepted: 3, pending: 0 })
  })

  it('of 1 delivers each event by itself', async () => {
    const { clock, api, trackEach } = openVirtual({ flushAt: 1 })

    for (let n = 0; n < 3; n++) {
      const [call] = trackEach(1)
      expect(await clock.outcome(call as Promise<unknown>)).toMatchObject({ accepted: 1, pending: 0 })
    }

    expect(api.calls.map(({ events }) => events.length)).toEqual([1, 1, 1])
  })

  it('of 1 reports on the event also where a flush is called in the same run of code', async () => {
    const { gflux, clock, api, trackEach } = openVirtual({ flushAt: 1 })
    const [call] = trackEach(1)
    const flushed = gflux.flush()

    const result = await clock.outcome(call as Promise<unknown>)

    expect(result).toMatchObject({ accepted: 1 })
    expect(await flushed).toMatchObject({ accepted: 1 })
    expect(api.calls).toHaveLength(1)
  })

  it('counts from the last flush on', async () => {
    const { gflux, clock, api, track } = openVirtual({ flushAt: 3 })
    track(2)
    await clock.outcome(gflux.flush())
    track(2)

    await clock.drain()

    expect(api.calls).toHaveLength(1)
  })

  it('counts no event that its own lifetime has delivered', async () => {
    const { clock, trackEach } = openVirtual({ flushAt: 3, waitUntil: () => undefined })

    const calls = []
    for (let n = 0; n < 5; n++) {
      calls.push(...trackEach(1))
      await clock.advance(1_000)
    }

    expect(await Promise.all(calls)).toEqual(Array(5).fill(null))
  })

  it('counts no event that the interval has delivered', async () => {
    const { clock, trackEach } = openVirtual({ flushAt: 3, flushIntervalMs: 1_000 })

    const calls = []
    for (let n = 0; n < 5; n++) {
      calls.push(...trackEach(1))
      await clock.advance(2_000)
    }

    expect(await Promise.all(calls)).toEqual(Array(5).fill(null))
  })

  it('rejects an awaited call when the API refuses its batch, and no un-awaited one loudly', async () => {
    const { clock, trackEach } = openVirtual({ flushAt: 2 }, { gets: 401 })
    const [first, second] = trackEach(2)

    await clock.drain()

    expect(await first).toBeNull()
    await expect(second).rejects.toMatchObject({ code: 'http_4xx', result: { rejected: 2 } })
  })

  it('larger than the queue still flushes', async () => {
    const { clock, track, stored } = openVirtual({ flushAt: 100, maxQueueSize: 4 })
    track(4)

    await clock.drain()

    expect(stored()).toHaveLength(4)
  })
})
