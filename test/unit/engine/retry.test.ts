import { describe, expect, it } from 'vitest'
import { type Delivery, deliveryOf } from '../../../src/adapter.ts'
import type { ApiCall, Fate, VirtualApi } from '../../support/virtual-api.ts'
import { keysOf, openVirtual, rejection } from '../../support/virtual-client.ts'

describe('a retry', () => {
  it('waits about 0.5 s, then twice as long each time, give or take a quarter', async () => {
    const { gflux, clock, api, track } = openVirtual(
      { maxRetries: 5 },
      ...times(5, { gets: 503, latencyMs: 0 }),
    )
    track(1)

    await clock.outcome(gflux.flush())

    const shares = gapsOf(api).map((gapMs, index) => gapMs / (500 * 2 ** index))
    expect(shares).toHaveLength(5)
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.75)
    expect(Math.max(...shares)).toBeLessThanOrEqual(1.25)
    expect(Math.max(...shares) - Math.min(...shares)).toBeGreaterThan(0.1)
  })

  it('follows a dead connection at once, the first time', async () => {
    const { gflux, clock, api, track } = openVirtual({}, ...times(2, { gets: 'reset', latencyMs: 0 }))
    track(1)

    await clock.outcome(gflux.flush())

    const [first, second] = gapsOf(api)
    expect(first).toBe(0)
    expect(second).toBeGreaterThanOrEqual(750)
  })

  it.each([500, 1_000])('goes on where the API takes one batch after the other: %i events', async (count) => {
    const { gflux, clock, api, track, stored } = openVirtual()
    let tokens = 100
    let at = clock.now()
    api.otherwise = ({ events }) => {
      tokens = Math.min(100, tokens + (clock.now() - at) / 20)
      at = clock.now()
      if (events.length > tokens) return { gets: 429, retryAfter: Math.ceil((events.length - tokens) / 50) }
      tokens -= events.length
      return {}
    }
    track(count)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: count, pending: 0 })
    expect(stored()).toHaveLength(count)
  })

  it('ends for a batch that the API never takes, though it takes others', async () => {
    const { gflux, clock, api, track } = openVirtual()
    const isFirst = ({ events }: ApiCall): boolean => events.some(({ event }) => event === 'e1')
    api.otherwise = (call) => (isFirst(call) ? { gets: 429 } : {})
    track(1)
    let code: unknown
    gflux.flush().catch((error) => {
      code = error.code
    })

    for (let n = 0; n < 40; n++) {
      await clock.advance(300)
      track(1)
      gflux.flush({ ifDown: 'skip' }).catch(() => undefined)
    }

    expect(code).toBe('http_4xx')
    expect(api.calls.filter(isFirst).length).toBeLessThan(12)
  })

  it.each([408, 425, 429, 500, 502, 503, 504])('follows a %i', async (gets) => {
    const { gflux, clock, track } = openVirtual({}, { gets })
    track(1)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 1 })
  })

  it.each(['truncated', 'not-json', 'wrong-shape'] as const)('follows an answer that is %s', async (gets) => {
    const { gflux, clock, api, track, stored } = openVirtual({}, { gets })
    track(1)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 1 })
    expect(api.calls).toHaveLength(2)
    expect(stored()).toEqual(['e1'])
  })

  it('follows a request that takes longer than `timeoutMs`', async () => {
    const { gflux, clock, api, track } = openVirtual({ timeoutMs: 700 }, { gets: 'hang', ignoresAbort: true })
    track(1)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 1 })
    expect(gapsOf(api)[0]).toBeGreaterThanOrEqual(700 + 375)
    expect(gapsOf(api)[0]).toBeLessThanOrEqual(700 + 625)
  })

  it('waits for as long as a request takes where `timeoutMs` is 0', async () => {
    const { gflux, clock, api, track } = openVirtual({ timeoutMs: 0 }, { latencyMs: 50_000 })
    track(1)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 1 })
    expect(api.calls).toHaveLength(1)
  })

  it.each([0, 1e12])('of alias() too ends after five minutes where `timeoutMs` is %d', async (timeoutMs) => {
    const { gflux, clock } = openVirtual({ timeoutMs, maxRetries: 0 }, { gets: 'hang' })
    const startedAt = clock.now()

    const error = await rejection(clock, gflux.alias({ userId: 'u', anonymousId: 'a' }))

    expect(error.code).toBe('request_timeout')
    expect(clock.now() - startedAt).toBe(300_000)
  })

  it('of alias() ends with the invocation under way, but for one that was frozen at its end', async () => {
    const { gflux, clock, api } = openVirtual({}, { gets: 'hang' }, { gets: 'hang' })
    const alias = () => gflux.alias({ userId: 'u', anonymousId: 'a' })
    const delivery = deliveryOf(gflux) as Delivery
    delivery.invocations = 1
    delivery.endsAt = clock.now() + 2_700
    const startedAt = clock.now()

    const error = await rejection(clock, alias())
    const endedAt = clock.now() - startedAt
    delivery.endsAt = clock.now() + 2_700
    const frozen = alias()
    clock.freeze(60_000)
    await clock.outcome(frozen)

    expect([error.code, endedAt]).toEqual(['request_timeout', 2_700])
    expect(api.calls).toHaveLength(3)
    expect(api.calls[2]?.key).toBe(api.calls[1]?.key)
  })

  it('comes `maxRetries` times; then the flush rejects, and the events stay queued', async () => {
    const { gflux, clock, api, track, dropped } = openVirtual({ maxRetries: 3 }, ...times(4, { gets: 503 }))
    track(2)

    const error = await rejection(clock, gflux.flush())

    expect(api.calls).toHaveLength(4)
    expect(error).toMatchObject({ code: 'http_5xx', status: 503, retryable: true })
    expect(error.result).toMatchObject({ accepted: 0, rejected: 0, pending: 2 })
    expect(dropped).toEqual([])
    expect(await clock.outcome(gflux.flush())).toMatchObject({ accepted: 2, pending: 0 })
  })

  it('comes never where `maxRetries` is 0', async () => {
    const { gflux, clock, api, track } = openVirtual({ maxRetries: 0 }, { gets: 'reset' })
    track(1)

    const error = await rejection(clock, gflux.flush())

    expect(error).toMatchObject({ code: 'network_error', retryable: true })
    expect(api.calls).toHaveLength(1)
  })

  it('comes afresh with the next flush', async () => {
    const { gflux, clock, api, track } = openVirtual({ maxRetries: 2 }, ...times(5, { gets: 503 }))
    track(1)
    await rejection(clock, gflux.flush())

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 1 })
    expect(api.calls).toHaveLength(6)
  })
})

describe('Retry-After', () => {
  it.each([429, 503, 408, 500])('in seconds is waited for after a %i', async (gets) => {
    const { gflux, clock, api, track } = openVirtual({}, { gets, retryAfter: 7, latencyMs: 0 })
    track(1)

    await clock.outcome(gflux.flush())

    expect(gapsOf(api)).toEqual([7_000])
  })

  it('is a minimum: a longer backoff stays', async () => {
    const fates = times(4, { gets: 503, retryAfter: 1, latencyMs: 0 })
    const { gflux, clock, api, track } = openVirtual({ maxRetries: 4 }, ...fates)
    track(1)

    await clock.outcome(gflux.flush())

    const [first, , , fourth] = gapsOf(api)
    expect(first).toBe(1_000)
    expect(fourth).toBeGreaterThanOrEqual(3_000)
  })

  it('may be an HTTP date', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { gets: 503, retryAfter: { dateIn: 12 } })
    track(1)

    await clock.outcome(gflux.flush())

    const [first, second] = api.calls
    expect(second?.sentAt).toBeGreaterThanOrEqual(Date.parse(first?.retryAfter ?? ''))
    expect(second?.sentAt).toBeLessThan(Date.parse(first?.retryAfter ?? '') + 1_000)
  })

  it.each([600_000, -600_000])('is read by the API’s own clock, which is %d ms off', async (clockAheadMs) => {
    const fate: Fate = { gets: 503, retryAfter: { dateIn: 12 }, clockAheadMs, latencyMs: 0 }
    const { gflux, clock, api, track } = openVirtual({}, fate)
    track(1)

    await clock.outcome(gflux.flush())

    expect(gapsOf(api)).toEqual([12_000])
  })

  it.each(['soon', '0', '-5', '', 'Thu, 01 Jan 1970 00:00:00 GMT'])(
    'that says “%s” is passed over',
    async (retryAfter) => {
      const { gflux, clock, api, track } = openVirtual({}, { gets: 503, retryAfter, latencyMs: 0 })
      track(1)

      await clock.outcome(gflux.flush())

      expect(gapsOf(api)[0]).toBeLessThanOrEqual(625)
    },
  )

  it('holds back every batch, also of a flush that is called meanwhile', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { gets: 429, retryAfter: 9, latencyMs: 0 })
    track(1)
    const first = gflux.flush()
    await clock.advance(1_000)
    track(1)

    const second = await clock.outcome(gflux.flush())

    expect(second).toMatchObject({ accepted: 2 })
    expect(await first).toMatchObject({ accepted: 1 })
    expect(gapsOf(api)).toEqual([9_000, 0])
  })

  it('that is too long to wait for leaves the events to a later flush, also one that tries', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { gets: 429, retryAfter: 3_600, latencyMs: 0 })
    const began = clock.now()
    track(1)

    await clock.outcome(gflux.flush().catch(() => undefined))
    await clock.outcome(gflux.flush().catch(() => undefined))

    expect(clock.now()).toBe(began)
    expect(api.calls).toHaveLength(1)
    await clock.advance(3_600_000)
    expect(await clock.outcome(gflux.flush())).toMatchObject({ accepted: 1 })
  })

  it('of more than 30 seconds ends the flush with the error that tells it', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { gets: 429, retryAfter: 60 })
    track(1)

    const error = await rejection(clock, gflux.flush())

    expect(error).toMatchObject({ code: 'http_4xx', status: 429, retryable: true, retryAfterMs: 60_000 })
    expect(error.result).toMatchObject({ pending: 1 })
    await clock.advance(60_000)
    expect(await clock.outcome(gflux.flush())).toMatchObject({ accepted: 1 })
    expect(keysOf(api)).toHaveLength(1)
  })

  it('of a year is taken for a mistake, and counts for an hour', async () => {
    const { gflux, clock, track } = openVirtual({}, { gets: 429, retryAfter: 31_536_000 })
    track(1)
    await rejection(clock, gflux.flush())
    await clock.advance(3_600_000)

    expect(await clock.outcome(gflux.flush())).toMatchObject({ accepted: 1 })
  })

  it('counts also where the claim had run out', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { gets: 429, retryAfter: 60 }, { latencyMs: 2_000 })
    track(1)
    const first = gflux.flush({ ifDown: 'skip' }).catch(() => undefined)
    await clock.settle()
    clock.freeze(20_000)
    void gflux.flush({ ifDown: 'skip' })
    await clock.advance(100)
    track(1)

    await clock.outcome(gflux.flush({ timeoutMs: 20_000 }).catch(() => undefined))

    await clock.outcome(first)
    const asked = api.calls.find(({ got }) => got === 429)?.arrivedAt ?? Infinity
    const early = api.calls.filter(({ sentAt }) => sentAt > asked && sentAt < asked + 60_000)
    expect(early).toEqual([])
  })
})

function times(count: number, fate: Fate): Fate[] {
  return Array<Fate>(count).fill(fate)
}

/** Milliseconds between the requests. */
function gapsOf({ calls }: VirtualApi): number[] {
  return calls.slice(1).map(({ sentAt }, index) => sentAt - (calls[index]?.sentAt ?? 0))
}
