import { describe, expect, it } from 'vitest'
import { flushAfter } from '../../../src/index.ts'
import { openVirtual, rejection, type VirtualClient } from '../../support/virtual-client.ts'

describe('shutdown', () => {
  it('delivers what is queued', async () => {
    const { gflux, clock, track, stored } = openVirtual()
    track(60)

    const result = await clock.outcome(gflux.shutdown())

    expect(result).toMatchObject({ accepted: 60, pending: 0 })
    expect(stored()).toHaveLength(60)
  })

  it.each([3_000, 6_000])('delivers after an outage of %d ms that its budget holds', async (outageMs) => {
    const { gflux, clock, api, track, stored } = openVirtual()
    const recoversAt = clock.now() + outageMs
    api.otherwise = () => (clock.now() < recoversAt ? { gets: 503 } : {})
    track(100)

    const result = await clock.outcome(gflux.shutdown({ timeoutMs: 10_000 }))

    expect(result).toMatchObject({ accepted: 100, pending: 0 })
    expect(stored()).toHaveLength(100)
  })

  it.each([
    [503, 8_000],
    ['hang', 26_000],
  ] as const)('gives up an API that stays down: %s', async (gets, ms) => {
    const { gflux, clock, api, track } = openVirtual()
    api.otherwise = () => ({ gets })
    const began = clock.now()
    track(100)

    const error = await rejection(clock, gflux.shutdown())

    expect(error.result?.pending).toBe(100)
    expect(clock.now() - began).toBeLessThan(ms)
  })

  it('is over at once where nothing is queued', async () => {
    const { gflux, clock } = openVirtual()

    const result = await clock.outcome(gflux.shutdown())

    expect(result).toEqual({ accepted: 0, rejected: 0, pending: 0, errors: [], requestIds: [] })
    expect(clock.sleeps).toEqual([])
  })

  it.each([
    ['track', ({ gflux }: VirtualClient) => gflux.track('late', { userId: 'u' })],
    ['identify', ({ gflux }: VirtualClient) => gflux.identify({ anonymousId: 'a', userId: 'u' })],
    ['alias', ({ gflux }: VirtualClient) => gflux.alias({ userId: 'u', anonymousId: 'a' })],
    ['erase', ({ gflux }: VirtualClient) => gflux.erase({ id: 'u', reason: 'internal' })],
    ['flush', ({ gflux }: VirtualClient) => gflux.flush()],
    ['with().track', ({ gflux }: VirtualClient) => gflux.with({ userId: 'u' }).track('late')],
  ])('closes the client: %s rejects', async (_name, call) => {
    const client = openVirtual()
    void client.gflux.shutdown()

    const error = await rejection(client.clock, call(client))

    expect(error).toMatchObject({ code: 'client_closed', retryable: false })
    expect(client.api.calls).toEqual([])
  })

  it('keeps to its budget, and called again sends what was pending', async () => {
    const { gflux, clock, track, stored } = openVirtual({}, { gets: 'hang' })
    const began = clock.now()
    track(2)
    const first = await clock.outcome(gflux.shutdown({ timeoutMs: 800 }))
    const took = clock.now() - began

    const second = await clock.outcome(gflux.shutdown())

    expect(first).toMatchObject({ accepted: 0, pending: 2 })
    expect(took).toBe(800)
    expect(second).toMatchObject({ accepted: 2, pending: 0 })
    expect(stored()).toEqual(['e1', 'e2'])
  })

  it('leaves no timer, also where a background flush was under way', async () => {
    const { gflux, clock, api, track } = openVirtual({ flushAt: 1, maxRetries: 0 })
    api.otherwise = () => ({ gets: 503, latencyMs: 200 })
    track(1)
    await clock.settle()

    await clock.outcome(gflux.shutdown({ timeoutMs: 50 }))
    await clock.advance(500)

    expect(clock.timers).toEqual([])
  })

  it('rejects like a flush does', async () => {
    const { gflux, clock, track } = openVirtual({}, { gets: 401 })
    track(1)

    const error = await rejection(clock, gflux.shutdown())

    expect(error).toMatchObject({ code: 'http_4xx', result: { rejected: 1 } })
  })

  it('closes nothing where its options make no sense', async () => {
    const { gflux, clock, track } = openVirtual()
    track(1)

    const error = await rejection(clock, gflux.shutdown({ timeoutMs: -1 }))

    expect(error).toMatchObject({ code: 'validation_error' })
    expect(await clock.outcome(gflux.shutdown())).toMatchObject({ accepted: 1 })
  })

  it.each([{}, { gets: 401 }, { gets: 503 }, { gets: 'reset' }] as const)(
    'as a dispose never throws: %o',
    async (fate) => {
      const { gflux, clock, api, track } = openVirtual()
      api.otherwise = () => fate
      track(1)

      expect(await clock.outcome(Promise.resolve(gflux[Symbol.asyncDispose]()))).toBeUndefined()

      expect(await rejection(clock, gflux.flush())).toMatchObject({ code: 'client_closed' })
    },
  )

  it.each([{ gets: 'hang' }, { gets: 503 }] as const)(
    'as a dispose of a bound client waits for nothing in an invocation, and else for no API that is down: $gets',
    async (fate) => {
      const { gflux, clock, api } = openVirtual()
      api.otherwise = () => fate
      const handle = async (): Promise<number> => {
        await using bound = gflux.with({ userId: 'u' })
        void bound.track('opened')
        return clock.now()
      }
      const startedAt = clock.now()
      const handledAt = await clock.outcome(flushAfter(gflux, handle, { waitUntil: () => undefined }))
      await clock.drain()
      await clock.outcome(handle())
      const outsideAt = clock.now()

      await clock.outcome(handle())

      expect(handledAt).toBe(startedAt)
      expect(clock.now() - outsideAt).toBeLessThan(1_000)
    },
  )

  it('as a dispose of a bound client sends beside another’s invocation too, and waits for a pause', async () => {
    const { gflux, clock, stored } = openVirtual({}, { gets: 429, retryAfter: 1 })
    const unit = async (): Promise<void> => {
      await using bound = gflux.with({ userId: 'u' })
      void bound.track('opened')
    }
    await Promise.all([clock.outcome(unit()), clock.outcome(unit())])
    void flushAfter(gflux, new Promise(() => undefined))

    await clock.outcome(unit())
    await clock.drain()

    expect(stored()).toHaveLength(3)
  })

  it('as a dispose of a bound client flushes, and leaves the client open', async () => {
    const { gflux, clock, track, stored } = openVirtual()
    const bound = gflux.with({ userId: 'user_1' })
    track(1)

    await clock.outcome(Promise.resolve(bound[Symbol.asyncDispose]()))

    expect(stored()).toEqual(['e1'])
    expect(await clock.outcome(gflux.track('opened', { userId: 'user_2' }))).toBeNull()
  })
})
