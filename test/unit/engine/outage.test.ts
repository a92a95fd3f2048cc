import { describe, expect, it } from 'vitest'
import { beginInvocation, type Delivery, deliveryOf } from '../../../src/adapter.ts'
import { flushAfter } from '../../../src/index.ts'
import { goDown, invocation, openVirtual, rejection } from '../../support/virtual-client.ts'

describe('the outage guard', () => {
  it('makes an API that hangs cost one bounded wait, not one each call; then all is delivered', async () => {
    const client = openVirtual()
    const { gflux, clock, api, track, stored } = client
    api.otherwise = () => ({ gets: 'hang' })
    const began = clock.now()

    for (let n = 0; n < 20; n++) await invocation(client, 2_000)

    expect(clock.now() - began).toBeLessThanOrEqual(2_000 + 1_500)
    expect(stored()).toEqual([])
    api.otherwise = () => ({})
    await clock.advance(60_000)
    track(1)
    expect(await clock.outcome(gflux.flush({ ifDown: 'skip' }))).toMatchObject({ accepted: 21, pending: 0 })
    expect(stored()).toHaveLength(21)
  })

  it('makes it cost no more where a full `flushAt` has met it before the end of the call', async () => {
    const client = openVirtual({ flushAt: 20 })
    const { clock, api, track, stored } = client
    api.otherwise = () => ({ gets: 'hang' })
    const began = clock.now()

    for (let n = 0; n < 20; n++) {
      track(20)
      await clock.settle()
      await invocation(client, 2_000)
    }

    expect(clock.now() - began).toBeLessThanOrEqual(2_000 + 1_500)
    api.otherwise = () => ({})
    await clock.advance(60_000)
    await invocation(client, 2_000)
    await clock.advance(10_000)
    expect(stored()).toHaveLength(421)
  })

  it('lets a call wait for the probe that a full `flushAt` has sent after one failed round', async () => {
    const client = openVirtual({ flushAt: 20, maxRetries: 0 }, { gets: 503 })
    const { gflux, clock, api, track, stored } = client
    track(1)
    await rejection(clock, gflux.flush())
    api.otherwise = () => ({ latencyMs: 100 })

    track(25)
    await clock.settle()
    await clock.outcome(gflux.flush({ timeoutMs: 2_000, ifDown: 'skip' }))

    expect(stored()).toHaveLength(26)
  })

  it('lets one request that hangs keep back no other events', async () => {
    const client = openVirtual({ flushAt: 20 }, { gets: 'hang' })
    const { clock, track, stored } = client
    track(20)
    await clock.settle()
    await invocation(client, 2_000)

    for (let n = 0; n < 3; n++) await invocation(client, 2_000)

    expect(stored()).toEqual(expect.arrayContaining(['e21', 'e22', 'e23', 'e24']))
  })

  it.each([100, 1_500])('does not let an awaited loop outrun an API that takes %d ms', async (latencyMs) => {
    const { gflux, clock, api, trackEach, stored } = openVirtual({ flushAt: 20 })
    api.otherwise = () => ({ latencyMs })
    const loop = async (): Promise<void> => {
      for (let n = 0; n < 2_000; n++) await trackEach(1)[0]
    }

    await clock.outcome(flushAfter(gflux, loop()))

    expect(stored()).toHaveLength(2_000)
  })

  it.each([
    [3_000, 40, 400],
    [900, 6_000, 5],
    [400, 20_000, 5],
  ])(
    'nor a loop of %d events of %d bytes one that takes %d ms, where nothing else flushes',
    async (count, bytes, latencyMs) => {
      const { gflux, clock, api, stored } = openVirtual({ flushAt: 1_000, concurrency: 2 })
      api.otherwise = () => ({ latencyMs })
      const properties = { padding: 'x'.repeat(bytes) }
      const loop = async (): Promise<void> => {
        for (let n = 0; n < count; n++) await gflux.track('opened', { userId: 'u', properties })
      }

      await clock.outcome(flushAfter(gflux, loop()))

      expect(stored()).toHaveLength(count)
    },
  )

  it('lets a call wait for an API that takes longer than a loop does for it', async () => {
    const { gflux, clock, api, trackEach, stored } = openVirtual({ flushAt: 20 })
    api.otherwise = () => ({ latencyMs: 2_500 })
    const loop = async (): Promise<void> => {
      for (let n = 0; n < 900; n++) await trackEach(1)[0]
    }

    await clock.outcome(flushAfter(gflux, loop()))

    expect(stored()).toHaveLength(900)
  })

  it('gives a slow API the time that it needs to be found up again', async () => {
    const client = openVirtual({ flushAt: 20 }, { latencyMs: 1_500 }, { latencyMs: 1_500 }, { gets: 'hang' })
    const { gflux, clock, api, track, stored } = client
    api.otherwise = () => ({ latencyMs: 1_500 })

    for (let n = 0; n < 6; n++) {
      track(25)
      await clock.settle()
      await clock.outcome(gflux.flush({ timeoutMs: 5_000, ifDown: 'skip' }).catch(() => undefined))
      await clock.advance(1_000)
    }

    expect(stored()).toHaveLength(150)
  })

  it('makes a call that tracks more than half a queue wait for it once', async () => {
    const { gflux, clock, api, trackEach } = openVirtual({ flushAt: 20 })
    api.otherwise = () => ({ gets: 'hang' })
    const endInvocation = beginInvocation(gflux)
    const began = clock.now()

    for (let n = 0; n < 700; n++) await clock.outcome(trackEach(1)[0] as Promise<unknown>)
    endInvocation()

    expect(clock.now() - began).toBeLessThanOrEqual(2_000)
  })

  it('costs few further waits where calls come at leisure', async () => {
    const client = openVirtual()
    const { clock, api } = client
    api.otherwise = () => ({ gets: 'hang' })
    let waitedMs = 0

    for (let n = 0; n < 20; n++) {
      const before = clock.now()
      await invocation(client, 5_000)
      waitedMs += clock.now() - before
      await clock.advance(2_500)
    }

    expect(waitedMs).toBeLessThanOrEqual(5_000 + 2 * 500 + 2 * 1_000 + 2_000)
  })

  it('waits for the pause that a full `flushAt` met, as for its own', async () => {
    const { gflux, clock, track, stored } = openVirtual({ flushAt: 20 }, { gets: 429, retryAfter: 1 })
    track(25)
    await clock.advance(200)

    const flushed = await clock.outcome(gflux.flush({ timeoutMs: 5_000, ifDown: 'skip' }))

    expect(flushed).toMatchObject({ accepted: 25, pending: 0 })
    expect(stored()).toHaveLength(25)
  })

  it('does not let a call that is part of no invocation wait for a pause that another one met', async () => {
    const { gflux, clock, trackEach, stored } = openVirtual({ flushAt: 5 }, { gets: 429, retryAfter: 4 })
    const first = trackEach(5)
    await clock.advance(200)
    const began = clock.now()

    await clock.outcome(Promise.all(trackEach(5)))

    expect(clock.now()).toBe(began)
    await clock.outcome(Promise.all(first))
    await clock.outcome(gflux.flush())
    expect(stored()).toHaveLength(10)
  })

  it('counts no failure where nothing is left to wait for', async () => {
    const fates = Array.from({ length: 2 }, () => ({ gets: 429, retryAfter: 1 }) as const)
    const { gflux, clock, trackEach, logged } = openVirtual({ flushAt: 1 }, ...fates)
    const [tracked] = trackEach(1)
    await clock.advance(200)

    await clock.outcome(
      (deliveryOf(gflux) as Delivery).flush([], { deadline: clock.now() + 500, ifDown: 'skip' }),
    )

    expect(await clock.outcome(tracked as Promise<unknown>)).toMatchObject({ accepted: 1 })
    expect(logged.filter(({ level }) => level === 'warn')).toEqual([])
  })

  it('waits at no call for the rest of a pause that the first budget could not hold', async () => {
    const client = openVirtual({ flushAt: 20 }, { gets: 429, retryAfter: 20 })
    const { clock, stored, track } = client
    const began = clock.now()
    track(25)
    await clock.advance(200)

    const waits: number[] = []
    while (clock.now() - began < 19_000) {
      const before = clock.now()
      await invocation(client, 5_000)
      waits.push(clock.now() - before)
      await clock.advance(1_000)
    }
    await clock.advance(2_000)
    await invocation(client, 5_000)

    expect(Math.max(...waits)).toBe(0)
    expect(stored()).toHaveLength(25 + waits.length + 1)
  })

  it('lets one of many that come at once probe, and the others return at once', async () => {
    const client = openVirtual()
    const { gflux, clock, api, track } = client
    await goDown(client)
    await clock.advance(60_000)
    api.otherwise = () => ({ gets: 'hang' })
    track(8)
    const began = clock.now()

    const waits = Array.from({ length: 8 }, async () => {
      await gflux.flush({ timeoutMs: 5_000, ifDown: 'skip' }).catch(() => undefined)
      return clock.now() - began
    })

    await clock.outcome(Promise.all(waits))
    expect((await Promise.all(waits)).filter((ms) => ms > 0)).toHaveLength(1)
  })

  it('keeps no event of a burst back that came after one failed round', async () => {
    const { gflux, clock, trackEach } = openVirtual({ flushAt: 1, maxRetries: 0 }, { gets: 503 })
    await clock.outcome(Promise.allSettled(trackEach(1)))

    const tracked = Array.from({ length: 4 }, async () => {
      await clock.settle()
      return gflux.track('opened', { userId: 'user_1' })
    })

    const results = await clock.outcome(Promise.all(tracked))
    expect(results.map((result) => result?.pending)).toEqual([0, 0, 0, 0])
  })

  it('takes less than a tenth of the time of calls that come all day', async () => {
    const client = openVirtual()
    const { clock, api } = client
    api.otherwise = () => ({ gets: 'hang' })
    let waitedMs = 0
    const began = clock.now()

    for (let n = 0; n < 600; n++) {
      const before = clock.now()
      await invocation(client, 2_000)
      waitedMs += clock.now() - before
      await clock.advance(1_000)
    }

    expect(waitedMs / (clock.now() - began)).toBeLessThan(0.1)
  })

  it('counts requests that fail together as one round', async () => {
    const { gflux, clock, api, track } = openVirtual({ maxRetries: 0 })
    api.otherwise = () => ({ gets: 503 })
    track(200)
    await rejection(clock, gflux.flush())
    api.otherwise = () => ({})

    const result = await clock.outcome(gflux.flush({ ifDown: 'skip', timeoutMs: 5_000 }))

    expect(result).toMatchObject({ accepted: 200, pending: 0 })
  })

  it('probes with one request at a time, and goes back to full speed when the API answers', async () => {
    const { gflux, clock, api, track } = openVirtual({ maxRetries: 0 })
    api.otherwise = () => ({ gets: 503 })
    track(300)
    await rejection(clock, gflux.flush())
    await clock.advance(60_000)
    const inFlight: number[] = []
    api.onCall = () => inFlight.push(api.inFlight.length)
    api.otherwise = () => ({})

    const result = await clock.outcome(gflux.flush({ ifDown: 'skip' }))

    expect(result).toMatchObject({ accepted: 300, pending: 0 })
    expect(inFlight).toEqual([1, 1, 2, 3, 4, 4])
  })

  it('takes no socket that died for an API that is down', async () => {
    const client = openVirtual()
    await goDown(client)
    await client.clock.advance(60_000)
    client.api.next = [{ gets: 'reset' }]
    client.api.otherwise = () => ({})

    await invocation(client, 2_000)

    expect(client.stored()).toHaveLength(3)
  })

  it('opens with the first answer', async () => {
    const client = openVirtual()
    const { gflux, clock, api, track } = client
    await goDown(client)
    api.otherwise = () => ({})
    await clock.outcome(gflux.flush())
    const now = clock.now()
    track(1)

    const result = await clock.outcome(gflux.flush({ ifDown: 'skip' }))

    expect(result).toMatchObject({ accepted: 1 })
    expect(api.calls.at(-1)?.sentAt).toBe(now)
  })
})
