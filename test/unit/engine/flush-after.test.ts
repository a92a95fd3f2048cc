import { describe, expect, it, vi } from 'vitest'
import { beginInvocation, type Delivery, deliveryOf } from '../../../src/adapter.ts'
import { type FlushResult, flushAfter } from '../../../src/index.ts'
import type { Fate } from '../../support/virtual-api.ts'
import { openVirtual } from '../../support/virtual-client.ts'

describe('flushAfter', () => {
  it('gives the handler’s result, the very same', async () => {
    const { gflux, clock } = openVirtual()
    const result = { status: 200 }

    expect(await clock.outcome(flushAfter(gflux, result))).toBe(result)
    expect(await clock.outcome(flushAfter(gflux, Promise.resolve(result)))).toBe(result)
  })

  it('gives the handler’s error, the very same, after the flush', async () => {
    const { gflux, clock, track, stored } = openVirtual()
    const error = new Error('the handler’s own')
    track(1)

    const flushed = clock.outcome(flushAfter(gflux, Promise.reject(error)))

    await expect(flushed).rejects.toBe(error)
    expect(stored()).toEqual(['e1'])
  })

  it('calls a handler that it is given, and flushes though that throws at once', async () => {
    const { gflux, clock, track, stored } = openVirtual()
    const error = new Error('the handler’s own')
    const fail = (): number => {
      track(1)
      throw error
    }

    expect(await clock.outcome(flushAfter(gflux, async () => 'done'))).toBe('done')
    await expect(clock.outcome(flushAfter(gflux, fail))).rejects.toBe(error)
    expect(stored()).toEqual(['e1'])
  })

  it('waits for calls that nobody awaits, within its budget, or leaves them to the lifetime', async () => {
    const { gflux, clock, api, ports } = openVirtual(
      {},
      { latencyMs: 300 },
      { gets: 'hang' },
      { latencyMs: 300 },
    )
    const call = (client = gflux) => void client.alias({ userId: 'u', anonymousId: 'a' })
    const held: Promise<unknown>[] = []
    const began = clock.now()

    await clock.outcome(flushAfter(gflux, () => call(), { timeoutMs: 1_000 }))
    const answeredAt = clock.now() - began
    await clock.outcome(flushAfter(gflux, () => call(), { timeoutMs: 1_000 }))
    const givenUpAt = clock.now() - began
    await clock.outcome(flushAfter(gflux, 'done', { timeoutMs: 1_000 }))
    call(gflux.with({ waitUntil: (work) => held.push(work) }))

    expect([answeredAt, givenUpAt, held.length]).toEqual([300, 1_300, 1])
    await clock.outcome(Promise.all(held))
    expect(clock.now() - began).toBe(1_600)
    expect([api.calls.length, ports.drawn.ids]).toEqual([3, 3])
    await clock.drain()
  })

  it('waits for nobody else’s call, and in an outage no longer than for a probe', async () => {
    const { gflux, clock, api } = openVirtual({}, { latencyMs: 3_000 })
    const call = (): void => void gflux.alias({ userId: 'u', anonymousId: 'a' })
    const began = clock.now()
    call()

    await clock.outcome(flushAfter(gflux, () => 'no call'))
    const bystanderAt = clock.now() - began
    await clock.drain()
    api.otherwise = () => ({ gets: 'hang' })
    const costs: number[] = []
    for (let n = 0; n < 300; n++) {
      const startedAt = clock.now()
      await clock.outcome(flushAfter(gflux, call, { timeoutMs: 4_000 }))
      costs.push(clock.now() - startedAt)
      await clock.advance(1_000)
    }

    expect(bystanderAt).toBe(0)
    expect(costs.slice(0, 2)).toEqual([4_000, 500])
    expect(costs.filter((ms) => ms > 0).length).toBeLessThan(12)
    expect(costs.reduce((sum, ms) => sum + ms)).toBeLessThan(30_000)
    await clock.drain()
  })

  it('waits for a call all the same while the API asks for quiet, or refuses calls', async () => {
    const { gflux, clock, api, track } = openVirtual()
    const erase = (): void => void gflux.erase({ id: 'u', reason: 'gdpr_dsr' })
    api.next = [{ gets: 429, retryAfter: 60 }, { gets: 'hang' }, { gets: 'hang' }, { gets: 'hang' }]
    track(1)
    await clock.outcome(flushAfter(gflux, () => undefined))
    await clock.outcome(flushAfter(gflux, erase))
    await clock.advance(60_000)
    api.otherwise = ({ path }) => ({ gets: path.includes('erase') ? 409 : 202 })

    for (let n = 0; n < 10; n++) {
      await clock.outcome(flushAfter(gflux, erase))
      expect(api.calls.at(-1)?.arrivedAt).toBeDefined()
      await clock.advance(3_000)
    }
  })

  it('calls the `then` of a thenable once', async () => {
    const { gflux, clock } = openVirtual()
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is about
    const thenable = { then: vi.fn((resolve: (value: string) => void) => resolve('lazy')) }

    const result = await clock.outcome(flushAfter(gflux, thenable as unknown as PromiseLike<string>))

    expect(result).toBe('lazy')
    expect(thenable.then).toHaveBeenCalledTimes(1)
  })

  it('waits for the flush where there is no lifetime', async () => {
    const { gflux, clock, track, stored } = openVirtual({}, { latencyMs: 300 })
    track(1)

    await clock.outcome(flushAfter(gflux, 'done'))

    expect(stored()).toEqual(['e1'])
  })

  it('leaves the flush to the lifetime where there is one', async () => {
    const { gflux, clock, track, stored } = openVirtual({}, { latencyMs: 300 })
    const held: Promise<unknown>[] = []
    const began = clock.now()
    track(1)

    const result = await clock.outcome(flushAfter(gflux, 'done', { waitUntil: (work) => held.push(work) }))

    expect(result).toBe('done')
    expect(clock.now()).toBe(began)
    expect(stored()).toEqual([])
    await clock.outcome(Promise.all(held))
    expect(stored()).toEqual(['e1'])
  })

  it('waits for the flush where the lifetime throws', async () => {
    const { gflux, clock, track, stored } = openVirtual()
    const waitUntil = (): never => {
      throw new Error('outside of a request')
    }
    track(1)

    await clock.outcome(flushAfter(gflux, 'done', { waitUntil }))

    expect(stored()).toEqual(['e1'])
  })

  it.each([
    ['skips an API that is down where the flush is waited for', undefined, 'skip'],
    ['waits for it where a lifetime holds the flush', () => undefined, 'wait'],
  ] as const)('%s', async (_title, waitUntil, ifDown) => {
    const flush = vi.fn(() => Promise.resolve({} as FlushResult))

    await flushAfter({ flush }, 'done', { waitUntil, timeoutMs: 2_000 })

    expect(flush.mock.calls).toEqual([[{ timeoutMs: 2_000, ifDown }]])
  })

  it('asks any client for 30 seconds, and for no less than none', async () => {
    const flush = vi.fn(() => Promise.resolve({} as FlushResult))

    await flushAfter({ flush }, 'done')
    await flushAfter({ flush }, 'done', { timeoutMs: () => -5 })

    expect(flush.mock.calls).toMatchObject([[{ timeoutMs: 30_000 }], [{ timeoutMs: 0 }]])
  })

  it('asks for the budget when the handler has ended', async () => {
    const { gflux, clock, api, track } = openVirtual()
    api.otherwise = () => ({ gets: 'hang' })
    const timeoutMs = vi.fn(() => 300)
    let end = (): void => undefined
    const handled = new Promise<void>((resolve) => {
      end = resolve
    })
    const began = clock.now()
    track(1)
    const flushed = flushAfter(gflux, handled, { timeoutMs })
    await clock.advance(5_000)
    const askedEarly = timeoutMs.mock.calls.length

    end()
    await clock.outcome(flushed)

    expect(askedEarly).toBe(0)
    expect(clock.now() - began).toBe(5_300)
  })

  it('covers what is tracked until the handler ends', async () => {
    const { gflux, clock, track, stored } = openVirtual()
    const handler = async (): Promise<void> => {
      track(1)
      await new Promise<void>((resolve) => clock.timer(50, resolve))
      track(1)
    }

    await clock.outcome(flushAfter(gflux, handler()))

    expect(stored()).toEqual(['e1', 'e2'])
  })

  it.each([{ gets: 401 }, { gets: 503 }, { gets: 'hang' }, { gets: 'reset' }] as const)(
    'gives the result whatever the API does: $gets',
    async (fate) => {
      const { gflux, clock, api, track } = openVirtual()
      api.otherwise = () => fate
      track(1)

      expect(await clock.outcome(flushAfter(gflux, 'done', { timeoutMs: 4_000 }))).toBe('done')
    },
  )

  it.each([() => Number.NaN, () => (undefined as unknown as { remaining(): number }).remaining() - 300])(
    'sends, and says so, where the budget makes no sense: %s',
    async (timeoutMs) => {
      const { gflux, clock, track, stored, logged } = openVirtual()
      track(1)

      expect(await clock.outcome(flushAfter(gflux, 'done', { timeoutMs }))).toBe('done')

      expect(stored()).toEqual(['e1'])
      expect(logged).toMatchObject([{ level: 'warn', message: 'GFlux: `timeoutMs` failed' }])
    },
  )

  it('gives the result after a shutdown', async () => {
    const { gflux, clock } = openVirtual()
    await clock.outcome(gflux.shutdown())

    expect(await clock.outcome(flushAfter(gflux, 'done'))).toBe('done')
  })

  it('sends nothing where no time is left', async () => {
    const { gflux, clock, api, track } = openVirtual()
    track(1)

    await clock.outcome(flushAfter(gflux, 'done', { timeoutMs: -20 }))

    expect(api.calls).toEqual([])
  })

  it('does nothing where nothing was tracked: no request, no timer, no randomness', async () => {
    const { gflux, clock, api, ports } = openVirtual()

    await clock.outcome(flushAfter(gflux, 'done'))
    await clock.outcome(flushAfter(gflux, 'done', { waitUntil: () => undefined }))

    expect(api.calls).toEqual([])
    expect(clock.sleeps).toEqual([])
    expect(ports.drawn).toEqual({ numbers: 0, ids: 0 })
  })

  it.each([{ gets: 'hang' }, { gets: 503 }] as Fate[])(
    'meanwhile no track() waits for the API, or fails with it: %j',
    async (fate) => {
      const { gflux, clock, api, logged } = openVirtual({ flushAt: 5 })
      api.next = Array.from({ length: 50 }, () => fate)
      const results: unknown[] = []
      const handle = async (): Promise<number> => {
        for (let n = 0; n < 20; n++) results.push(await gflux.track('opened', { userId: 'u' }))
        return clock.now()
      }
      const startedAt = clock.now()

      const handledAt = await clock.outcome(flushAfter(gflux, handle(), { timeoutMs: 1000 }))

      expect(handledAt).toBe(startedAt)
      expect(results).toEqual(Array(20).fill(null))
      expect(clock.now() - startedAt).toBeLessThanOrEqual(1000)
      await clock.drain()
      expect(logged.filter(({ level }) => level === 'warn').length).toBeGreaterThan(0)
    },
  )

  it('a loop of track() does not outrun the API', async () => {
    const { gflux, clock, stored } = openVirtual({ flushAt: 20 }, { latencyMs: 50 })
    const handle = async (): Promise<void> => {
      for (let n = 0; n < 5000; n++) await gflux.track('opened', { userId: 'u' })
    }

    await clock.outcome(flushAfter(gflux, handle()))

    expect(stored()).toHaveLength(5000)
  })

  it('after it track() tells again what the flush came to that it triggered, and always with flushAt 1', async () => {
    const { gflux, clock, trackEach } = openVirtual({ flushAt: 2 })
    await clock.outcome(flushAfter(gflux, undefined))
    const single = openVirtual({ flushAt: 1 })

    expect(await clock.outcome(Promise.all(trackEach(2)))).toMatchObject([null, { accepted: 2 }])
    const handled = flushAfter(single.gflux, single.trackEach(1)[0])
    expect(await single.clock.outcome(handled)).toMatchObject({ accepted: 1 })
  })
})

describe('beginInvocation', () => {
  it('gives what ends the invocation once, however often it is called', () => {
    const { gflux } = openVirtual()
    const endInvocation = beginInvocation(gflux)

    endInvocation()
    endInvocation()

    expect((deliveryOf(gflux) as Delivery).invocations).toBe(0)
  })
})
