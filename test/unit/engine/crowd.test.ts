import { describe, expect, it } from 'vitest'
import { flushAfter } from '../../../src/index.ts'
import { openVirtual } from '../../support/virtual-client.ts'

describe.each([
  ['events', { maxQueueSize: 50, flushAt: 4 }, ''],
  ['bytes', { maxQueueBytes: 100_000, flushAt: 200 }, 'x'.repeat(2_000)],
])('a queue that is bounded in %s', (_title, bounds, padding) => {
  const properties = { padding }

  it.each([1, 20])('never overflows where each call of %d loops is awaited', async (loops) => {
    const { gflux, clock, api, stored } = openVirtual(bounds)
    api.otherwise = () => ({ latencyMs: 200 })
    const loop = async (): Promise<void> => {
      for (let n = 0; n < 100; n++) await gflux.track('imported', { userId: 'u', properties })
    }

    await clock.outcome(Promise.all(Array.from({ length: loops }, loop)))
    await clock.outcome(gflux.flush())

    expect(stored()).toHaveLength(100 * loops)
  })

  it('never overflows in a handler whose loop is awaited', async () => {
    const { gflux, clock, api, stored } = openVirtual(bounds)
    api.otherwise = () => ({ latencyMs: 200 })
    const handler = async (): Promise<void> => {
      for (let n = 0; n < 40; n++)
        await Promise.all([1, 2, 3].map(() => gflux.track('imported', { userId: 'u', properties })))
    }

    await clock.outcome(flushAfter(gflux, handler))

    expect(stored()).toHaveLength(120)
  })

  it('makes one flush of a burst', async () => {
    const { gflux, clock, api } = openVirtual(bounds)
    for (let n = 0; n < 30; n++) void gflux.track('imported', { userId: 'u', properties })

    await clock.drain()

    expect(api.calls.map(({ events }) => events.length)).toEqual([30])
  })
})
