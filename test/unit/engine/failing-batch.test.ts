import { describe, expect, it } from 'vitest'
import type { ApiCall, Fate } from '../../support/virtual-api.ts'
import { invocation, openVirtual, rejection } from '../../support/virtual-client.ts'

describe('a batch that the API always fails at', () => {
  const failsAtFirst = ({ events }: ApiCall): Fate =>
    events.some(({ event }) => event === 'e1') ? { gets: 500 } : {}

  it('does not keep other sealed ones back', async () => {
    const { gflux, clock, api, track, stored } = openVirtual({ maxRetries: 0 })
    api.otherwise = () => ({ gets: 500 })
    track(150)
    await rejection(clock, gflux.flush())
    api.otherwise = failsAtFirst

    for (let n = 0; n < 6; n++) {
      await clock.advance(60_000)
      await clock.outcome(gflux.flush({ timeoutMs: 5_000, ifDown: 'skip' }).catch(() => undefined))
    }

    expect(stored()).toHaveLength(100)
  })

  it.each([500, 'hang'] as const)('costs later calls little: %s', async (gets) => {
    const client = openVirtual()
    const { clock, api, stored } = client
    api.otherwise = ({ events }) => (events.some(({ event }) => event === 'e1') ? { gets } : {})
    let waitedMs = 0

    for (let n = 0; n < 120; n++) {
      const startedAt = clock.now()
      await invocation(client, 5_000)
      waitedMs += clock.now() - startedAt
      await clock.advance(1_000)
    }

    expect(stored()).toHaveLength(119)
    expect(waitedMs).toBeLessThan(120 * 20 + 11 * (gets === 500 ? 500 : 5_000))
  })

  it('does not hold up shutdown(), which tries it as any other', async () => {
    const client = openVirtual()
    const { gflux, clock, api, track, stored } = client
    api.otherwise = failsAtFirst
    for (let n = 0; n < 40; n++) {
      await invocation(client, 5_000)
      await clock.advance(1_000)
    }
    const { length } = api.calls
    track(1)
    const began = clock.now()

    const error = await rejection(clock, gflux.shutdown())

    expect(error.result).toMatchObject({ accepted: 1, pending: 1 })
    expect(stored()).toHaveLength(40)
    expect(clock.now() - began).toBeLessThan(12_000)
    expect(api.calls.length - length).toBeGreaterThan(3)
  })

  it('does not keep new events back', async () => {
    const client = openVirtual({ maxRetries: 0 })
    const { gflux, clock, api, track, stored } = client
    api.otherwise = failsAtFirst
    track(1)
    await rejection(clock, gflux.flush())

    for (let n = 0; n < 3; n++) {
      await clock.advance(60_000)
      await invocation(client, 5_000)
    }

    expect(stored()).toEqual(['e2', 'e3', 'e4'])
  })
})
