import { describe, expect, it } from 'vitest'
import { abandonFlush, keysOf, openVirtual, rejection, uuid } from '../../support/virtual-client.ts'

const HOUR = 3_600_000

describe('the idempotency key', () => {
  it('stays the same over the retries of one flush', async () => {
    const { gflux, clock, api, track, stored } = openVirtual(
      {},
      { gets: 503 },
      { gets: 'reset', stores: true },
    )
    track(2)

    await clock.outcome(gflux.flush())

    expect(api.calls).toHaveLength(3)
    expect(keysOf(api)).toEqual([uuid(1)])
    expect(stored()).toEqual(['e1', 'e2'])
  })

  it('stays the same over a later flush, which sends what came after under a key of its own', async () => {
    const { gflux, clock, api, track, stored } = openVirtual(
      { maxRetries: 0 },
      { gets: 'reset', stores: true },
    )
    track(1)
    await rejection(clock, gflux.flush())
    track(1)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 2, pending: 0 })
    expect(api.calls.map(({ key }) => key)).toEqual([uuid(1), uuid(1), uuid(2)])
    expect(stored()).toEqual(['e1', 'e2'])
  })

  it('stays the same after a claim was abandoned, once its lease has run out', async () => {
    const client = openVirtual({ timeoutMs: 3_000 })
    const { gflux, clock, api, track, stored } = client
    track(1)
    await abandonFlush(client)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 1, pending: 0 })
    expect(keysOf(api)).toEqual([uuid(1)])
    expect(stored()).toEqual(['e1'])
    const [first, second] = api.calls
    expect((second?.sentAt ?? 0) - (first?.sentAt ?? 0)).toBeGreaterThan(3_000)
  })

  it.each([10_000, HOUR, 23 * HOUR])('stays the same after a freeze of %i ms', async (frozenMs) => {
    const { gflux, clock, api, track, stored } = openVirtual({}, { gets: 'reset', stores: true })
    track(1)
    const flushed = gflux.flush()
    await clock.settle()
    clock.freeze(frozenMs)

    const result = await clock.outcome(flushed)

    expect(result).toMatchObject({ accepted: 1 })
    expect(keysOf(api)).toEqual([uuid(1)])
    expect(stored()).toEqual(['e1'])
  })

  it('stays with the same events in the same order, whatever is tracked meanwhile', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { gets: 503 })
    track(3)
    const flushed = gflux.flush()
    await clock.advance(100)
    track(3)

    await clock.outcome(flushed)

    const batches = api.calls.map(({ events }) => events.map(({ event }) => event))
    expect(batches.slice(0, 2)).toEqual([
      ['e1', 'e2', 'e3'],
      ['e1', 'e2', 'e3'],
    ])
    expect(api.violations).toEqual([])
  })
})
