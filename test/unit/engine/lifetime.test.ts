import { describe, expect, it } from 'vitest'
import type { GFluxNodeConfig } from '../../../src/index.ts'
import type { Fate } from '../../support/virtual-api.ts'
import { openVirtual, rejection, type VirtualClient } from '../../support/virtual-client.ts'

describe('waitUntil', () => {
  it('gets one promise for all that one run of code tracks', async () => {
    const { held, clock, api, track, trackEach, stored } = openHeld()
    track(3)
    await trackEach(1)[0]
    await Promise.resolve()
    track(1)

    await clock.drain()

    expect(held).toHaveLength(1)
    expect(await Promise.all(held)).toEqual([undefined])
    expect(stored()).toHaveLength(5)
    expect(api.calls).toHaveLength(1)
  })

  it('gets one promise too where the run waits for what is settled already, deep in calls', async () => {
    const { held, clock, track } = openHeld()
    const callDeep = async (depth: number): Promise<void> => {
      if (depth > 0) await callDeep(depth - 1)
    }
    track(1)
    await callDeep(20)
    track(1)

    await clock.drain()

    expect(held).toHaveLength(1)
  })

  it('gets another one for what another task tracks', async () => {
    const { held, clock, track } = openHeld()
    track(1)
    await clock.settle()
    track(1)

    await clock.drain()

    expect(held).toHaveLength(2)
  })

  it('gets a promise that settles once the events are delivered', async () => {
    const { held, clock, track, stored } = openHeld({}, { gets: 503 }, { latencyMs: 400 })
    track(1)

    await clock.outcome(held[0] as Promise<unknown>)

    expect(stored()).toEqual(['e1'])
  })

  it('gets a promise that also delivers what an outage left of earlier ones', async () => {
    const { held, clock, api, track, stored } = openHeld()
    api.otherwise = () => ({ gets: 503 })
    track(1)
    await clock.drain()
    const left = held.length
    await clock.advance(60_000)
    api.otherwise = () => ({})

    track(1)
    await clock.drain()

    expect(left).toBe(1)
    expect(held).toHaveLength(2)
    expect(stored().sort()).toEqual(['e1', 'e2'])
  })

  it('gets a promise that delivers it also where its own events are refused', async () => {
    const { clock, api, track, stored } = openHeld()
    api.otherwise = () => ({ gets: 503 })
    track(1)
    await clock.drain()
    await clock.advance(60_000)
    api.otherwise = ({ events }) => ({ gets: events[0]?.event === 'e2' ? 400 : 202 })

    track(1)
    await clock.drain()

    expect(stored()).toEqual(['e1'])
  })

  it('gets a promise that waits for as long as the API asks to', async () => {
    const { held, clock, track, stored } = openHeld({}, { gets: 429, retryAfter: 8 })
    track(1)

    await clock.outcome(held[0] as Promise<unknown>)

    expect(stored()).toEqual(['e1'])
  })

  it('gets a promise that never rejects, also where the API refuses', async () => {
    const { held, clock, track, dropped } = openHeld({}, { gets: 401 })
    track(1)

    await clock.outcome(held[0] as Promise<unknown>)

    expect(dropped).toHaveLength(1)
  })

  it.each([{ gets: 'hang' }, { gets: 503 }] as Fate[])(
    'gets a promise that settles within 30 s while the API is down',
    async (fate) => {
      const { held, clock, gflux, api, track } = openHeld()
      api.otherwise = () => fate
      const began = clock.now()
      track(1)

      await clock.outcome(held[0] as Promise<unknown>)

      expect(clock.now() - began).toBeLessThanOrEqual(30_100)
      api.otherwise = () => ({})
      expect(await clock.outcome(gflux.flush())).toMatchObject({ accepted: 1 })
    },
  )

  it('is not waited for by `flushAt`', async () => {
    const { clock, api, track } = openHeld({ flushAt: 2 })
    const began = clock.now()
    track(2)

    await clock.drain()

    expect(api.calls.map(({ sentAt }) => sentAt)).toEqual([began])
  })

  it('is not waited for by a flush', async () => {
    const { held, gflux, clock, api, track } = openHeld()
    const began = clock.now()
    track(2)
    void gflux.flush()

    await clock.outcome(held[0] as Promise<unknown>)

    expect(api.calls.map(({ sentAt }) => sentAt)).toEqual([began])
  })

  it('loses nothing when it throws', async () => {
    const { gflux, clock, trackEach, stored, logged } = openVirtual({
      waitUntil: () => {
        throw new Error('outside of a request')
      },
    })

    const [tracked] = trackEach(2)
    await clock.outcome(gflux.flush())
    await clock.drain()

    expect(await tracked).toBeNull()
    expect(stored()).toEqual(['e1', 'e2'])
    expect(logged.filter(({ level }) => level === 'warn')).toHaveLength(1)
  })

  it('may be bound for one request', async () => {
    const { held, gflux, clock, stored } = openHeld()
    const own: Promise<unknown>[] = []
    const bound = gflux.with({ userId: 'u', waitUntil: (promise) => own.push(promise) })
    void bound.track('mine')

    await clock.outcome(own[0] as Promise<unknown>)

    expect(held).toEqual([])
    expect(stored()).toEqual(['mine'])
  })

  it('is kept by a client that binds something else', async () => {
    const { held, gflux } = openHeld()

    void gflux.with({ userId: 'u' }).track('opened')

    expect(held).toHaveLength(1)
  })

  it('spares the call that reaches `flushAt` the wait for the API', async () => {
    const { clock, api, trackEach } = openHeld({ flushAt: 2 })
    api.otherwise = () => ({ gets: 'hang' })
    const began = clock.now()

    const results = await clock.outcome(Promise.all(trackEach(2)))

    expect(results).toEqual([null, null])
    expect(clock.now()).toBe(began)
  })

  it('does not spare it that wait where `flushAt` is 1', async () => {
    const { clock, trackEach } = openHeld({ flushAt: 1 })

    const [result] = await clock.outcome(Promise.all(trackEach(1)))

    expect(result).toMatchObject({ accepted: 1 })
  })

  it('does not spare it that wait where the queue is half full, counted in bytes', async () => {
    const { gflux, clock } = openHeld({ flushAt: 2, maxQueueBytes: 6_000 }, { latencyMs: 500 })
    const padding = 'x'.repeat(2_000)
    const track = () => gflux.track('large', { userId: 'u', properties: { padding } })
    const began = clock.now()
    void track()

    await clock.outcome(track())

    expect(clock.now() - began).toBe(500)
  })

  it('is not asked for an event that was refused', async () => {
    const { held, gflux, clock } = openHeld()

    await rejection(clock, gflux.track('Not A Name', { userId: 'u' }))

    expect(held).toEqual([])
    expect(clock.timers).toEqual([])
  })
})

interface HeldClient extends VirtualClient {
  readonly held: Promise<unknown>[]
}

function openHeld(config: Partial<GFluxNodeConfig> = {}, ...fates: Fate[]): HeldClient {
  const held: Promise<unknown>[] = []
  const waitUntil = (promise: Promise<unknown>): void => {
    held.push(promise)
  }
  return { held, ...openVirtual({ waitUntil, ...config }, ...fates) }
}
