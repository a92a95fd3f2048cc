import { describe, expect, it } from 'vitest'
import { type Delivery, deliveryOf } from '../../../src/adapter.ts'
import { openVirtual, type VirtualClient } from '../../support/virtual-client.ts'

/** A client whose background flushes begin nothing after five seconds. */
function open(...[config, ...fates]: Parameters<typeof openVirtual>): VirtualClient {
  const client = openVirtual(config, ...fates)
  const delivery = deliveryOf(client.gflux) as Delivery
  delivery.backgroundLimits = (now) => ({ deadline: now + 5_000, isSoft: true })
  return client
}

describe('a background flush that may not hold the process open', () => {
  it('leaves what an API that hangs has not taken to a timer that holds no process', async () => {
    const { clock, api, stored, track } = open({ flushAt: 20, flushIntervalMs: 5_000 }, { gets: 'hang' })
    const beganAt = clock.now()
    track(20)

    await clock.advance(5_100)

    expect(api.calls).toHaveLength(1)
    expect(clock.timers).toMatchObject([{ unref: true }])
    expect(clock.now() - beganAt).toBeLessThan(6_000)
    await clock.advance(5_000)
    expect(stored()).toHaveLength(20)
  })

  it('tries again within its time', async () => {
    const { clock, trackEach } = open({ flushAt: 1 }, { gets: 503 })

    const [result] = await clock.outcome(Promise.all(trackEach(1)))

    expect(result).toMatchObject({ accepted: 1 })
  })

  it('does not wait for a pause that another one met', async () => {
    const { clock, trackEach } = open({ flushAt: 5 }, { gets: 429, retryAfter: 4 })
    const first = trackEach(5)
    await clock.advance(200)
    const began = clock.now()

    const results = await clock.outcome(Promise.all(trackEach(5)))

    expect(results.at(-1)).toMatchObject({ accepted: 0, pending: 5 })
    expect(clock.now()).toBe(began)
    await clock.outcome(Promise.all(first))
  })

  it('gives a request that it began the whole time, so that a slow API is not taken for one that is down', async () => {
    const slow = { latencyMs: 4_000 }
    const { clock, api, stored, track } = open({ flushAt: 20, concurrency: 1 }, slow, slow)
    track(100)

    await clock.advance(8_100)

    expect(stored()).toHaveLength(100)
    expect(api.calls).toHaveLength(2)
  })
})
