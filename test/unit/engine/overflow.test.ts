import { describe, expect, it } from 'vitest'
import { openVirtual, rejection } from '../../support/virtual-client.ts'

describe('a full queue', () => {
  it('refuses events by their count, and keeps those it has', async () => {
    const { gflux, clock, trackEach, stored } = openVirtual({ maxQueueSize: 3, flushAt: 1000 })
    void gflux.flush({ timeoutMs: 0 })
    const calls = trackEach(2)
    await clock.settle()

    calls.push(...trackEach(2))

    const error = await rejection(clock, calls[3] as Promise<unknown>)
    expect(error).toMatchObject({ code: 'queue_overflow', retryable: true })
    expect(error.retryAfterMs).toBeGreaterThanOrEqual(1_000)
    await clock.drain()
    await clock.outcome(gflux.flush())
    expect(stored()).toEqual(['e1', 'e2', 'e3'])
  })

  it('refuses events by their bytes, in UTF-8', async () => {
    const { gflux, clock } = openVirtual({ maxQueueBytes: 5_000 })
    const padding = 'é'.repeat(1_000)
    const track = () => gflux.track('large', { userId: 'u', properties: { padding } })
    void track()
    void track()

    const error = await rejection(clock, track())

    expect(error).toMatchObject({ code: 'queue_overflow' })
    expect(await clock.outcome(gflux.flush())).toMatchObject({ accepted: 2 })
    expect(await track()).toBeNull()
  })

  it('asks nobody to try an event again that is larger than it may ever be', async () => {
    const { gflux, clock } = openVirtual({ maxQueueBytes: 5_000 })
    const properties = { padding: 'x'.repeat(6_000) }

    const error = await rejection(clock, gflux.track('large', { userId: 'u', properties }))

    expect(error).toMatchObject({ code: 'queue_overflow', retryable: false })
    expect(error.retryAfterMs).toBeUndefined()
    expect(error.message).toContain('maxQueueBytes')
  })

  it('counts what is in flight', async () => {
    const { gflux, clock, track, trackEach } = openVirtual({ maxQueueSize: 3 }, { latencyMs: 1_000 })
    track(2)
    const flushed = gflux.flush()
    await clock.settle()
    track(1)

    const error = await rejection(clock, trackEach(1)[0] as Promise<unknown>)

    expect(error).toMatchObject({ code: 'queue_overflow' })
    await clock.outcome(flushed)
  })

  it('takes events again when the API took some', async () => {
    const { gflux, clock, track, stored } = openVirtual({ maxQueueSize: 2 })
    track(3)
    await clock.outcome(gflux.flush())

    track(1)

    await clock.outcome(gflux.flush())
    expect(stored()).toEqual(['e1', 'e2', 'e4'])
  })

  it('takes events again when the API refused some', async () => {
    const { gflux, clock, track, stored } = openVirtual({ maxQueueSize: 2 }, { gets: 401 })
    track(2)
    await rejection(clock, gflux.flush())

    track(1)

    await clock.outcome(gflux.flush())
    expect(stored()).toEqual(['e3'])
  })

  it('says how long the API asked to wait', async () => {
    const { gflux, clock, track, trackEach } = openVirtual(
      { maxQueueSize: 2, flushAt: 2 },
      { gets: 429, retryAfter: 25 },
    )
    track(1)
    await clock.outcome(gflux.flush({ timeoutMs: 1_000 }))
    await trackEach(1)[0]?.catch(() => undefined)

    const error = await rejection(clock, trackEach(1)[0] as Promise<unknown>)

    expect(error.retryAfterMs).toBeGreaterThan(20_000)
    expect(error.retryAfterMs).toBeLessThanOrEqual(25_000)
  })

  it('empties itself, where nobody flushes', async () => {
    const { clock, track, stored } = openVirtual({ maxQueueSize: 3 }, { gets: 503 })
    track(5)

    await clock.drain()

    expect(stored()).toEqual(['e1', 'e2', 'e3'])
  })
})
