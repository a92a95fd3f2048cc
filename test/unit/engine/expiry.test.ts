import { describe, expect, it } from 'vitest'
import type { Fate } from '../../support/virtual-api.ts'
import { abandonFlush, keysOf, openVirtual, rejection } from '../../support/virtual-client.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const unknown: Fate[] = [
  { gets: 'hang', stores: true },
  { gets: 'reset', stores: true },
  { gets: 'truncated' },
  { gets: 'wrong-shape', stores: true },
  { gets: 502, body: 'Bad gateway', stores: true },
]

describe('a batch of unknown outcome', () => {
  it.each(unknown)('is dropped and reported after 24 hours, never sent again: $gets', async (fate) => {
    const { gflux, clock, api, track, stored, dropped } = openVirtual({ maxRetries: 0 }, fate)
    track(2)
    await rejection(clock, gflux.flush())
    clock.freeze(DAY)

    const error = await rejection(clock, gflux.flush())

    expect(error).toMatchObject({ code: 'idempotency_expired', retryable: false })
    expect(error.result).toMatchObject({ accepted: 0, rejected: 2, pending: 0 })
    expect(dropped).toMatchObject([
      { events: [{ event: 'e1' }, { event: 'e2' }], error: { code: 'idempotency_expired' } },
    ])
    expect(await clock.outcome(gflux.flush())).toMatchObject({ accepted: 0, pending: 0 })
    expect(api.calls).toHaveLength(1)
    expect(stored()).toEqual(['e1', 'e2'])
  })

  it('is dropped once, and takes nothing along, where `onDrop` flushes', async () => {
    const drops: string[] = []
    const client = openVirtual(
      {
        maxRetries: 0,
        onDrop({ events }) {
          drops.push(...events.map(({ event }) => event))
          gflux.flush().catch(() => undefined)
        },
      },
      { gets: 'hang' },
      { gets: 'hang' },
    )
    const { gflux, clock, track, stored } = client
    track(100)
    await rejection(clock, gflux.flush())
    clock.freeze(DAY)
    track(50)

    const error = await rejection(clock, gflux.flush())

    expect(error.result).toMatchObject({ accepted: 50, rejected: 100, pending: 0 })
    expect([new Set(drops).size, drops.length, stored().length]).toEqual([100, 100, 50])
  })

  it('is sent again within 24 hours', async () => {
    const { gflux, clock, api, track, stored } = openVirtual(
      { maxRetries: 0 },
      { gets: 'reset', stores: true },
    )
    track(1)
    await rejection(clock, gflux.flush())
    clock.freeze(23 * HOUR)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 1 })
    expect(keysOf(api)).toHaveLength(1)
    expect(stored()).toEqual(['e1'])
  })

  it('is not sent when the API may have forgotten its key by the time the request arrives', async () => {
    const fates: Fate[] = [{ gets: 'reset', stores: true }, { latencyMs: 1_000 }]
    const { gflux, clock, track, stored } = openVirtual({ maxRetries: 0 }, ...fates)
    track(1)
    await rejection(clock, gflux.flush())
    clock.freeze(DAY - 100)

    await clock.outcome(gflux.flush().catch(() => undefined))

    expect(stored()).toEqual(['e1'])
  })

  it('is dropped also where the claim was abandoned', async () => {
    const client = openVirtual({}, { gets: 'hang', stores: true })
    const { gflux, clock, track, stored, dropped } = client
    track(1)
    await abandonFlush(client, 100)
    clock.freeze(DAY)

    await rejection(clock, gflux.flush())

    expect(stored()).toEqual(['e1'])
    expect(dropped).toMatchObject([{ error: { code: 'idempotency_expired' } }])
  })

  it('stays one though a later attempt is known to have failed', async () => {
    const fates: Fate[] = [{ gets: 'reset', stores: true }, { gets: 429 }]
    const { gflux, clock, track, stored } = openVirtual({ maxRetries: 1 }, ...fates)
    track(1)
    await rejection(clock, gflux.flush())
    clock.freeze(DAY)

    const error = await rejection(clock, gflux.flush())

    expect(error).toMatchObject({ code: 'idempotency_expired' })
    expect(stored()).toEqual(['e1'])
  })
})

describe('a batch that was certainly not stored', () => {
  it.each([429, 503, 408, 425, 302, 'refused'] as const)(
    'is sent as ever after 24 hours of %s',
    async (gets) => {
      const { gflux, clock, api, track, stored, dropped } = openVirtual({ maxRetries: 0 })
      api.otherwise = () => ({ gets })
      track(1)
      for (let hour = 0; hour < 25; hour++) {
        await rejection(clock, gflux.flush())
        await clock.advance(HOUR)
      }
      api.otherwise = () => ({})

      const result = await clock.outcome(gflux.flush())

      expect(result).toMatchObject({ accepted: 1 })
      expect(keysOf(api)).toHaveLength(1)
      expect(stored()).toEqual(['e1'])
      expect(dropped).toEqual([])
    },
  )

  it('as it was never sent goes out days later', async () => {
    const { gflux, clock, track } = openVirtual()
    track(1)
    clock.freeze(3 * DAY)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 1 })
  })
})
