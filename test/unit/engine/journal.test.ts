import { describe, expect, it } from 'vitest'
import {
  type Batch,
  type Delivery,
  deliveryOf,
  type QueuedEvent,
  restoreBatch,
} from '../../../src/adapter.ts'
import type { GFluxNodeConfig } from '../../../src/index.ts'
import { keysOf, openVirtual, uuid, type VirtualClient } from '../../support/virtual-client.ts'

interface Kept extends VirtualClient {
  readonly delivery: Delivery
  readonly settled: Batch[]
  readonly failed: Pick<Batch, 'key' | 'unknownSince'>[]
}

/** A client whose journal takes a second to record an event. */
function open(
  config: Partial<GFluxNodeConfig>,
  prepare: (event: QueuedEvent) => void = () => undefined,
  recordsWhenFull = true,
): Kept {
  const client = openVirtual(config)
  const delivery = deliveryOf(client.gflux) as Delivery
  const settled: Batch[] = []
  const failed: Kept['failed'] = []
  delivery.journal = {
    record(event, isFull) {
      prepare(event)
      if (isFull && !recordsWhenFull) return undefined
      return new Promise((resolve) => client.clock.answer(1000, () => resolve(null)))
    },
    sending: () => undefined,
    notStored: ({ key, unknownSince }) => failed.push({ key, unknownSince }),
    settled: (batch) => settled.push(batch),
  }
  return { ...client, delivery, settled, failed }
}

describe('a journal', () => {
  it('track() resolves when the event is recorded', async () => {
    const { gflux, clock } = open({})
    const startedAt = clock.now()

    const result = await clock.outcome(gflux.track('opened', { userId: 'u' }))

    expect(result).toBeNull()
    expect(clock.now() - startedAt).toBe(1000)
  })

  it('track() does not wait for a flush that it triggered, nor fail with it: the event is recorded', async () => {
    const { api, clock, stored, trackEach } = open({ flushAt: 2, maxRetries: 0 })
    api.next = [{ gets: 401 }]

    expect(await clock.outcome(Promise.all(trackEach(2)))).toEqual([null, null])
    expect(await clock.outcome(Promise.all(trackEach(2)))).toEqual([null, null])

    await clock.drain()
    expect(stored()).toHaveLength(2)
  })

  it('events that it gave one key are sealed together, under that key', async () => {
    let count = 0
    const { gflux, clock, api, track } = open({}, (event) => {
      event.key = uuid(900 + Math.floor(count++ / 3))
    })
    track(7)

    const { accepted } = await clock.outcome(gflux.flush())

    expect(accepted).toBe(7)
    expect(keysOf(api)).toEqual([uuid(900), uuid(901), uuid(902)])
    expect(api.calls.map(({ events }) => events.length)).toEqual([3, 3, 1])
  })

  it('is told of each batch that the API took, or refused for good', async () => {
    const { gflux, clock, api, track, settled } = open({})
    track(60)
    api.next = [{ gets: 503 }, { gets: 400 }]

    await clock.outcome(gflux.flush().catch(() => undefined))

    expect(settled.map(({ events }) => events.length).sort()).toEqual([10, 50])
    expect(settled.every(({ events }) => events.every(({ settlement }) => settlement))).toBe(true)
  })

  it('an event that it records while the queue is full is not queued', async () => {
    const { clock, delivery, trackEach } = open({ maxQueueSize: 2 })

    const calls = trackEach(3)

    expect(delivery.queue.open.map(({ name }) => name)).toEqual(['e1', 'e2'])
    expect(await clock.outcome(calls[2] as Promise<unknown>)).toBeNull()
  })

  it('an event that it can’t record while the queue is full is refused', async () => {
    const { clock, trackEach } = open({ maxQueueSize: 1000, maxQueueBytes: 300 }, undefined, false)
    const calls = trackEach(3)

    const outcomes = await clock.outcome(Promise.allSettled(calls))

    expect(outcomes.at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'queue_overflow' } })
  })

  it('what it brings back is sent under its key, as old as it is', async () => {
    const { gflux, clock, api, delivery, dropped } = open({})
    const event = (name: string) => ({ name, json: `{"event":"${name}"}`, bytes: name.length + 12 })
    const young = { key: uuid(900), events: [event('young')], unknownSince: clock.now() }
    const old = { key: uuid(901), events: [event('old')], unknownSince: clock.now() - 86_400_000 }
    for (const batch of [young, old]) restoreBatch(delivery.queue, batch)

    const result = await clock.outcome(gflux.flush().catch((error) => error.result))

    expect(result).toMatchObject({ accepted: 1, rejected: 1, pending: 0 })
    expect(api.calls.map(({ key }) => key)).toEqual([uuid(900)])
    expect(dropped.map(({ error }) => error.code)).toEqual(['idempotency_expired'])
    expect([delivery.queue.size, delivery.queue.bytes]).toEqual([0, 0])
  })
  it('is told of each attempt that has certainly not stored a batch, and since when one may have', async () => {
    const { gflux, clock, api, failed, track } = open({ maxRetries: 4 })
    api.next = [{ gets: 503 }, { gets: 'reset' }, { gets: 429 }]
    track(1)

    await clock.outcome(gflux.flush())

    const [{ key } = {}] = api.calls
    expect(api.calls).toHaveLength(4)
    expect(failed).toEqual([
      { key, unknownSince: undefined },
      { key, unknownSince: api.calls[1]?.sentAt },
    ])
  })
})
