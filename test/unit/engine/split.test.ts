import { describe, expect, it } from 'vitest'
import { keysOf, openVirtual, rejection } from '../../support/virtual-client.ts'

describe('a 413', () => {
  it('halves the batch under new keys until it fits', async () => {
    const { gflux, clock, api, track, stored, dropped } = openVirtual()
    api.maxEvents = 3
    track(10)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 10, rejected: 0, pending: 0 })
    expect(stored().sort()).toEqual(['e1', 'e10', 'e2', 'e3', 'e4', 'e5', 'e6', 'e7', 'e8', 'e9'])
    expect(keysOf(api)).toHaveLength(api.calls.length)
    expect(dropped).toEqual([])
  })

  it('drops a single event that is too large by itself, and reports it', async () => {
    const { gflux, clock, api, track, dropped } = openVirtual()
    api.maxEvents = 0
    track(3)

    const error = await rejection(clock, gflux.flush())

    expect(error).toMatchObject({ code: 'http_4xx', status: 413, retryable: false })
    expect(error.result).toMatchObject({ accepted: 0, rejected: 3, pending: 0 })
    expect(error.result?.errors.map(({ error: code }) => code)).toEqual(Array(3).fill('payload_too_large'))
    expect(dropped.map(({ events }) => events.map(({ event }) => event))).toEqual([['e1'], ['e2'], ['e3']])
  })

  it('costs no retry: the halves have all of theirs', async () => {
    const fates = [{ gets: 413 }, { gets: 503 }, { gets: 503 }, { gets: 503 }, { gets: 503 }]
    const { gflux, clock, track } = openVirtual({ maxRetries: 2 }, ...fates)
    track(2)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 2, pending: 0 })
  })

  it('keeps the halves in the order of their events', async () => {
    const { gflux, clock, api, track } = openVirtual({ maxRetries: 0 }, { gets: 413 })
    api.next.push({ gets: 503 }, { gets: 503 }, { gets: 503 })
    api.isBad = ({ event }) => event === 'e2'
    track(60)
    await rejection(clock, gflux.flush())
    await clock.advance(60_000)

    const result = await clock.outcome(gflux.flush())

    expect(result.errors).toMatchObject([{ index: 1, event: 'e2' }])
  })
})
