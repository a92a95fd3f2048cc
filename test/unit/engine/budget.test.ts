import { describe, expect, it } from 'vitest'
import { keysOf, openVirtual, rejection } from '../../support/virtual-client.ts'

describe('a budget', () => {
  it('that is short is spent on sending at once, also what an earlier flush backed off from', async () => {
    const { gflux, clock, track, stored } = openVirtual({}, { gets: 503 })
    track(1)
    await clock.outcome(gflux.flush({ timeoutMs: 100 }))

    const result = await clock.outcome(gflux.flush({ timeoutMs: 100 }))

    expect(result).toMatchObject({ accepted: 1, pending: 0 })
    expect(stored()).toEqual(['e1'])
  })

  it.each([true, false])('is kept when the API hangs; hears of the abort: %s', async (hears) => {
    const { gflux, clock, track } = openVirtual({}, { gets: 'hang', ignoresAbort: !hears })
    const began = clock.now()
    track(2)

    const result = await clock.outcome(gflux.flush({ timeoutMs: 1_500 }))

    expect(result).toMatchObject({ accepted: 0, rejected: 0, pending: 2 })
    expect(clock.now() - began).toBe(1_500)
  })

  it('that runs out just before the request sets no timer of less than nothing', async () => {
    const { gflux, clock, ports, track } = openVirtual()
    const { now, timer } = ports
    const delays: number[] = []
    let readings = 0
    ports.now = () => now() + 10 * readings++
    ports.timer = (ms, callback) => {
      delays.push(ms)
      return timer(ms, callback)
    }
    track(1)

    await clock.outcome(gflux.flush({ timeoutMs: 15 }))

    expect(Math.min(...delays)).toBeGreaterThan(0)
  })

  it('is kept over all requests and waits', async () => {
    const { gflux, clock, api, track } = openVirtual({ maxRetries: 100, timeoutMs: 300 })
    api.otherwise = () => ({ gets: 'hang' })
    const began = clock.now()
    track(1)

    const result = await clock.outcome(gflux.flush({ timeoutMs: 4_000 }))

    expect(result).toMatchObject({ pending: 1 })
    expect(clock.now() - began).toBeLessThanOrEqual(4_000)
    expect(api.calls.length).toBeGreaterThan(1)
  })

  it('begins no wait that it can’t hold', async () => {
    const { gflux, clock, track } = openVirtual({}, { gets: 503, retryAfter: 10, latencyMs: 40 })
    const began = clock.now()
    track(1)

    const result = await clock.outcome(gflux.flush({ timeoutMs: 3_000 }))

    expect(result).toMatchObject({ pending: 1 })
    expect(clock.now() - began).toBe(40)
  })

  it('begins no backoff that it can’t hold', async () => {
    const { gflux, clock, track } = openVirtual({}, { gets: 503, latencyMs: 40 })
    const began = clock.now()
    track(1)

    const result = await clock.outcome(gflux.flush({ timeoutMs: 300 }))

    expect(result).toMatchObject({ pending: 1 })
    expect(clock.now() - began).toBe(40)
  })

  it('of 0 sends nothing and keeps everything', async () => {
    const { gflux, clock, api, track } = openVirtual()
    track(3)

    const result = await clock.outcome(gflux.flush({ timeoutMs: 0 }))

    expect(result).toMatchObject({ accepted: 0, rejected: 0, pending: 3 })
    expect(api.calls).toEqual([])
    expect(clock.sleeps).toEqual([])
    expect(await clock.outcome(gflux.flush())).toMatchObject({ accepted: 3 })
  })

  it('that ends while a request is under way leaves its batch to the next flush, under the same key', async () => {
    const { gflux, clock, api, track, stored } = openVirtual({}, { latencyMs: 900 })
    track(1)
    await clock.outcome(gflux.flush({ timeoutMs: 500 }))

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 1 })
    expect(keysOf(api)).toHaveLength(1)
    expect(stored()).toEqual(['e1'])
  })

  it('that ends the last attempt leaves its events pending, and is no failure', async () => {
    const { gflux, clock, track } = openVirtual({ maxRetries: 0 }, { gets: 'hang' })
    track(1)

    const result = await clock.outcome(gflux.flush({ timeoutMs: 1_500 }))

    expect(result).toMatchObject({ accepted: 0, pending: 1 })
  })

  it('that ends while another flush has the batch under way is no failure of the API', async () => {
    const { gflux, clock, track } = openVirtual({}, { latencyMs: 3_000 }, { latencyMs: 800 })
    track(1)
    const first = gflux.flush()
    await clock.settle()
    await clock.outcome(gflux.flush({ ifDown: 'skip', timeoutMs: 500 }))
    track(1)

    const result = await clock.outcome(gflux.flush({ ifDown: 'skip', timeoutMs: 1_500 }))

    expect(result).toMatchObject({ accepted: 1, pending: 1 })
    expect(await clock.outcome(first)).toMatchObject({ accepted: 1 })
  })
})

it('what to do while the API is down is refused where it is none of the three', async () => {
  const { gflux, clock } = openVirtual()

  const error = await rejection(clock, gflux.flush({ ifDown: 'never' as never }))

  expect(error).toMatchObject({ code: 'validation_error', message: expect.stringContaining('`ifDown`') })
})

describe('a signal', () => {
  it('that is none is refused, and nothing is lost', async () => {
    const { gflux, clock, track } = openVirtual()
    track(1)

    const error = await rejection(clock, gflux.flush({ signal: 5 as never }))

    expect(error).toMatchObject({ code: 'validation_error' })
    expect(await clock.outcome(gflux.flush())).toMatchObject({ accepted: 1 })
  })

  it('ends a request under way; the batch goes out later under the same key', async () => {
    const { gflux, clock, api, track, stored } = openVirtual({}, { gets: 'hang', stores: true })
    const controller = new AbortController()
    const began = clock.now()
    track(1)
    const flushed = gflux.flush({ signal: controller.signal })
    await clock.advance(800)
    controller.abort()

    const result = await clock.outcome(flushed)

    expect(result).toMatchObject({ accepted: 0, pending: 1 })
    expect(clock.now() - began).toBe(800)
    expect(api.inFlight).toEqual([])
    expect(await clock.outcome(gflux.flush())).toMatchObject({ accepted: 1 })
    expect(keysOf(api)).toHaveLength(1)
    expect(stored()).toEqual(['e1'])
  })

  it('ends a wait between two requests', async () => {
    const { gflux, clock, track } = openVirtual({}, { gets: 503, retryAfter: 20 })
    const controller = new AbortController()
    const began = clock.now()
    track(1)
    const flushed = gflux.flush({ signal: controller.signal })
    await clock.advance(1_000)
    controller.abort()

    const result = await clock.outcome(flushed)

    expect(result).toMatchObject({ pending: 1 })
    expect(clock.now() - began).toBe(1_000)
    expect(clock.timers).toEqual([])
  })

  it('that is aborted already sends nothing', async () => {
    const { gflux, clock, api, track } = openVirtual()
    track(1)

    const result = await clock.outcome(gflux.flush({ signal: AbortSignal.abort() }))

    expect(result).toMatchObject({ pending: 1 })
    expect(api.calls).toEqual([])
  })

  it('that aborts is no failure of the API: the next flush sends at once', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { gets: 'hang' })
    const controller = new AbortController()
    track(1)
    const flushed = gflux.flush({ signal: controller.signal })
    await clock.advance(100)
    controller.abort()
    await clock.outcome(flushed)

    const result = await clock.outcome(gflux.flush({ ifDown: 'skip' }))

    expect(result).toMatchObject({ accepted: 1 })
    expect((api.calls[1]?.sentAt ?? 0) - (api.calls[0]?.sentAt ?? 0)).toBe(100)
  })
})
