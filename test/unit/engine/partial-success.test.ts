import { describe, expect, it } from 'vitest'
import { keysOf, openVirtual, rejection } from '../../support/virtual-client.ts'

describe('an answer that accepts a part', () => {
  it('is told by the place of each rejected event in the flush, over all batches', async () => {
    const { gflux, clock, api, track, stored } = openVirtual()
    api.isBad = ({ event }) => ['e7', 'e60', 'e119'].includes(event)
    track(120)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 117, rejected: 3, pending: 0 })
    const detail = { error: 'validation_error', detail: 'it is bad' }
    expect(result.errors).toEqual([
      { index: 6, event: 'e7', ...detail },
      { index: 59, event: 'e60', ...detail },
      { index: 118, event: 'e119', ...detail },
    ])
    expect(stored()).toHaveLength(117)
  })

  it('counts places from the first event that the flush covers', async () => {
    const { gflux, clock, api, track } = openVirtual()
    api.isBad = ({ event }) => event === 'e5'
    track(3)
    await clock.outcome(gflux.flush())
    track(3)

    const result = await clock.outcome(gflux.flush())

    expect(result.errors).toMatchObject([{ index: 1, event: 'e5' }])
  })

  it('is reported to `onDrop`, with the rejected events alone', async () => {
    const { gflux, clock, api, track, dropped } = openVirtual()
    api.isBad = ({ event }) => ['e2', 'e4'].includes(event)
    track(4)

    await clock.outcome(gflux.flush())

    expect(dropped.map(({ events }) => events.map(({ event }) => event))).toEqual([['e2', 'e4']])
    expect(dropped[0]?.error).toMatchObject({ code: 'validation_error', retryable: false })
  })

  it('is told the same when it is replayed', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { gets: 'reset', stores: true })
    api.isBad = ({ event }) => event === 'e2'
    track(3)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 2, rejected: 1, errors: [{ index: 1, event: 'e2' }] })
  })

  const rejected = (...indexes: unknown[]) => indexes.map((index) => ({ index, error: 'x', detail: 'y' }))
  it.each([
    ['', undefined],
    [' in a list', 'yes'],
    [' but for one', rejected(0)],
    [' but one of them twice', rejected(0, 0)],
    [' but others', rejected(0, 3)],
    [' by whole numbers', rejected(0, '1')],
    [' but nobody', [null, null]],
  ])('without saying which%s is none: the batch is sent again, under its key', async (_title, errors) => {
    const body = { accepted: 1, rejected: 2, request_id: 'req_1', errors }
    const { gflux, clock, api, track } = openVirtual({ maxRetries: 0 }, { body, stores: true })
    track(3)

    const error = await rejection(clock, gflux.flush())

    expect(error).toMatchObject({ code: 'invalid_response', result: { accepted: 0, pending: 3 } })
    expect(await clock.outcome(gflux.flush())).toMatchObject({ accepted: 3 })
    expect(keysOf(api)).toHaveLength(1)
  })

  it('reports each rejected event once, whatever the places say', async () => {
    const rejection = { error: 'validation_error', detail: 'it is bad' }
    const errors = [-1, 2, 2, 3, 'length', '0'].map((index) => ({ index, ...rejection }))
    const body = { accepted: 2, rejected: 1, request_id: 'req_1', errors }
    const { gflux, clock, track, dropped } = openVirtual({}, { body, stores: true })
    track(3)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({
      accepted: 2,
      rejected: 1,
      errors: [{ index: 2, event: 'e3', ...rejection }],
    })
    expect(dropped.map(({ events }) => events.map(({ event }) => event))).toEqual([['e3']])
  })

  it.each([null, '', [], '1'])('that counts %o accepted events is no answer', async (accepted) => {
    const { gflux, clock, api, track } = openVirtual({}, { body: { accepted } })
    track(1)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 1, requestIds: ['req_1'] })
    expect(keysOf(api)).toHaveLength(1)
    expect(api.calls).toHaveLength(2)
  })

  it.each([null, {}, [null], [{}], 'none'])('with `errors` of %o breaks nothing', async (errors) => {
    const body = { accepted: 50, rejected: 0, request_id: 'req_1', errors }
    const { gflux, clock, track, logged } = openVirtual({ concurrency: 1 }, { body, stores: true })
    track(120)

    const result = await clock.outcome(gflux.flush().catch((error) => error.result))

    expect(result).toMatchObject({ pending: 0 })
    expect(result.accepted + result.rejected).toBe(120)
    expect(logged.map(({ message }) => message)).not.toContain('GFlux: The flush stopped')
  })
})

describe('requestIds', () => {
  it('names each batch once', async () => {
    const { gflux, clock, track } = openVirtual({ concurrency: 1 })
    track(120)

    const result = await clock.outcome(gflux.flush())

    expect(result.requestIds).toEqual(['req_1', 'req_2', 'req_3'])
  })

  it('names those of the batches that were taken when another was refused', async () => {
    const { gflux, clock, track } = openVirtual({}, { gets: 400 })
    track(70)

    const error = await rejection(clock, gflux.flush())

    expect(error.result).toMatchObject({ accepted: 20, rejected: 50, requestIds: ['req_1'] })
  })
})
