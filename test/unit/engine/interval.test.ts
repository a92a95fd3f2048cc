import { describe, expect, it } from 'vitest'
import { openVirtual } from '../../support/virtual-client.ts'

describe('flushIntervalMs', () => {
  it('of 0 makes no timer', async () => {
    const { clock, track, stored } = openVirtual({ flushIntervalMs: 0 })
    track(3)

    await clock.advance(3_600_000)

    expect(clock.sleeps).toEqual([])
    expect(stored()).toEqual([])
  })

  it('makes one timer with the first event, which holds no process open', async () => {
    const { clock, track } = openVirtual({ flushIntervalMs: 5_000 })
    const began = clock.now()

    track(3)
    await clock.advance(1_000)
    track(3)

    expect(clock.timers).toMatchObject([{ at: began + 5_000, unref: true }])
  })

  it('delivers when the time is over, and again with the next event', async () => {
    const { clock, track, stored } = openVirtual({ flushIntervalMs: 5_000 })
    track(2)
    await clock.advance(5_100)
    const first = stored()
    await clock.advance(60_000)
    track(1)

    await clock.advance(5_100)

    expect(first).toEqual(['e1', 'e2'])
    expect(stored()).toEqual(['e1', 'e2', 'e3'])
    expect(clock.timers).toEqual([])
  })

  it('is made anew right after a delivery', async () => {
    const { clock, track, stored } = openVirtual({ flushIntervalMs: 5_000 })
    track(1)
    await clock.advance(5_100)
    track(1)

    await clock.advance(5_100)

    expect(stored()).toEqual(['e1', 'e2'])
  })

  it('is kept again after an outage, whose pauses were longer', async () => {
    const { gflux, clock, api, track, stored } = openVirtual({ flushIntervalMs: 1_000 })
    api.otherwise = () => ({ gets: 503 })
    track(1)
    await clock.advance(40_000)
    api.otherwise = () => ({})
    await clock.outcome(gflux.flush())
    track(1)

    await clock.advance(1_100)

    expect(stored()).toEqual(['e1', 'e2'])
    expect(clock.timers).toEqual([])
  })

  it('wakes nobody while the API is to be left alone', async () => {
    const client = openVirtual({ flushIntervalMs: 1_000 })
    const { clock, api, track, logged } = client
    api.otherwise = () => ({ gets: 503 })
    track(1)
    await clock.advance(20_000)
    const [calls, lines] = [api.calls.length, logged.length]
    const { timers } = clock
    const until = Math.max(...timers.map(({ at }) => at))

    while (clock.now() + 300 < until) {
      track(1)
      await clock.advance(200)
    }

    expect(until - clock.now()).toBeLessThan(500)
    expect([api.calls.length, logged.length]).toEqual([calls, lines])
  })

  it('is made anew when the invocation that had made the timer is gone', async () => {
    const { clock, track, stored } = openVirtual({ flushIntervalMs: 1_000 })
    await clock.invoke(async (invocation) => {
      track(1)
      await clock.settle()
      clock.abandon(invocation)
    })
    await clock.advance(10_000)
    track(1)

    await clock.advance(2_000)

    expect(stored()).toEqual(['e1', 'e2'])
  })

  it('keeps what the API did not take', async () => {
    const { gflux, clock, api, track } = openVirtual({ flushIntervalMs: 1_000, maxRetries: 0 })
    api.otherwise = () => ({ gets: 503 })
    track(2)
    await clock.advance(60_000)
    api.otherwise = () => ({})

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 2 })
  })

  it('goes on by itself after an outage, with no call and no process held open', async () => {
    const { clock, api, track, stored } = openVirtual({ flushIntervalMs: 1_000 })
    api.otherwise = () => ({ gets: 503 })
    track(2)
    await clock.advance(600_000)
    const { timers } = clock
    api.otherwise = () => ({})

    await clock.advance(60_000)

    expect(timers).toMatchObject([{ unref: true }])
    expect(stored()).toEqual(['e1', 'e2'])
    expect(clock.timers).toEqual([])
  })

  it('is stopped by a shutdown', async () => {
    const { gflux, clock, api, track } = openVirtual({ flushIntervalMs: 5_000 })
    track(1)

    const result = await clock.outcome(gflux.shutdown())

    expect(result).toMatchObject({ accepted: 1 })
    expect(clock.timers).toEqual([])
    expect(api.calls).toHaveLength(1)
  })
})
