import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTestIngest } from '../../../ingest/index.ts'
import { initGFluxNode } from '../../../src/index.ts'
import { abandonFlush, keysOf, openVirtual, rejection, TOKEN } from '../../support/virtual-client.ts'

const TEN_MINUTES = 600_000
const HOUR = 3_600_000

describe('a clock that is set back', () => {
  it.each(['try', 'skip', 'wait'] as const)('keeps nothing from being sent: %s', async (ifDown) => {
    const { gflux, clock, track } = openVirtual({}, { gets: 503 })
    track(1)
    await clock.outcome(gflux.flush({ timeoutMs: 100 }))
    clock.turnBack(TEN_MINUTES)
    await clock.advance(1_000)

    const result = await clock.outcome(gflux.flush({ ifDown, timeoutMs: 1_000 }))

    expect(result).toMatchObject({ accepted: 1 })
  })

  it('makes no cool-down longer', async () => {
    const { gflux, clock, api, track } = openVirtual({ maxRetries: 0 }, { gets: 503 }, { gets: 503 })
    track(1)
    for (let round = 0; round < 2; round++) await rejection(clock, gflux.flush({ ifDown: 'skip' }))
    clock.turnBack(TEN_MINUTES)
    await clock.outcome(gflux.flush({ ifDown: 'skip' }))
    await clock.advance(10_000)

    expect(await clock.outcome(gflux.flush({ ifDown: 'skip' }))).toMatchObject({ accepted: 1 })
    expect(keysOf(api)).toHaveLength(1)
  })

  it('makes no pause longer that the API asked for, and none shorter', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { gets: 429, retryAfter: 60 })
    track(1)
    await rejection(clock, gflux.flush())
    clock.turnBack(TEN_MINUTES)
    await clock.outcome(gflux.flush({ ifDown: 'skip' }))
    await clock.advance(59_000)

    await clock.outcome(gflux.flush({ ifDown: 'skip' }))

    expect(api.calls).toHaveLength(1)
    await clock.advance(1_100)
    expect(await clock.outcome(gflux.flush({ ifDown: 'skip' }))).toMatchObject({ accepted: 1 })
  })

  it('makes no claim longer', async () => {
    const client = openVirtual({}, { gets: 'hang' })
    client.track(1)
    await abandonFlush(client, 10)
    client.clock.turnBack(TEN_MINUTES)

    expect(await client.clock.outcome(client.gflux.flush({ timeoutMs: 8_000 }))).toMatchObject({
      accepted: 1,
    })
  })

  it('makes no key live longer', async () => {
    const { gflux, clock, track } = openVirtual({ maxRetries: 0 }, { gets: 'reset', stores: true })
    track(1)
    await rejection(clock, gflux.flush())
    await clock.advance(HOUR)
    await clock.outcome(gflux.flush({ timeoutMs: 0 }))
    clock.turnBack(HOUR)
    await clock.outcome(gflux.flush({ timeoutMs: 0 }))
    await clock.advance(23 * HOUR)

    expect(await rejection(clock, gflux.flush())).toMatchObject({ code: 'idempotency_expired' })
  })

  it('makes no timer later', async () => {
    const { clock, track, stored } = openVirtual({ flushIntervalMs: 1_000 })
    track(1)
    await clock.settle()
    clock.turnBack(TEN_MINUTES)
    await clock.advance(1_000)
    track(1)
    await clock.advance(2_000)

    expect(stored()).toEqual(['e1', 'e2'])
  })
})

describe('a clock that stands still, as tests make it', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(() => void vi.useRealTimers())

  it.each([
    ['retry', { status: 503, times: 1 }, undefined, { accepted: 1 }],
    ['time limit', { hang: true, times: 1 } as const, 400, { pending: 1 }],
  ])('puts no %s off', async (_title, failure, timeoutMs, result) => {
    const ingest = createTestIngest()
    ingest.fail(failure)
    const gflux = initGFluxNode({ token: TOKEN, fetch: ingest.fetch, timeoutMs: 100 })
    void gflux.track('opened', { userId: 'u' })

    expect(await gflux.flush({ timeoutMs })).toMatchObject(result)
  })
})
