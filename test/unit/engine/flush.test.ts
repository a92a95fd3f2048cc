import { describe, expect, it } from 'vitest'
import { type Delivery, deliveryOf } from '../../../src/adapter.ts'
import { openVirtual } from '../../support/virtual-client.ts'

describe('a flush', () => {
  it('leaves what is tracked while it waits to a later one', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { latencyMs: 1_000 })
    track(1)
    const flushed = gflux.flush()
    await clock.settle()
    track(1)

    const result = await clock.outcome(flushed)

    expect(result).toMatchObject({ accepted: 1, pending: 0 })
    expect(api.calls).toHaveLength(1)
  })

  it('sends no more batches than the events it covers are in', async () => {
    const { gflux, clock, api, track } = openVirtual()
    const delivery = deliveryOf(gflux) as Delivery
    track(60)
    const covered = delivery.queue.open.slice(0, 1)

    const result = await clock.outcome(delivery.flush(covered, { deadline: Infinity, ifDown: 'wait' }))

    expect(result).toMatchObject({ accepted: 1 })
    expect(api.calls.map(({ events }) => events.length)).toEqual([50])
  })

  it('that gets no timers for the request it began ends quietly, and keeps the events', async () => {
    const { gflux, clock, api, ports, track, logged } = openVirtual()
    const unhandled: unknown[] = []
    const onUnhandled = (reason: unknown): unknown => unhandled.push(reason)
    process.on('unhandledRejection', onUnhandled)
    ports.timer = () => {
      throw new Error('outside of a request')
    }
    track(1)

    const result = await clock.outcome(gflux.flush())
    await clock.drain()
    process.off('unhandledRejection', onUnhandled)

    expect(api.calls).toHaveLength(1)
    expect(result).toMatchObject({ accepted: 0, pending: 1 })
    expect(logged.map(({ message }) => message)).toContain('GFlux: The flush stopped')
    expect(unhandled).toEqual([])
  })
})
