import { describe, expect, it } from 'vitest'
import { keysOf, openVirtual, rejection } from '../../support/virtual-client.ts'

describe('a refusal', () => {
  it.each([
    [400, 'validation_error'],
    [401, 'unauthenticated'],
    [403, 'forbidden'],
  ])('with %i is not retried: the batch is dropped and reported once', async (gets, code) => {
    const { gflux, clock, api, track, dropped } = openVirtual({}, { gets })
    track(2)

    const error = await rejection(clock, gflux.flush())

    expect(error).toMatchObject({
      code: 'http_4xx',
      status: gets,
      retryable: false,
      details: { error: code },
    })
    expect(error.result).toMatchObject({ accepted: 0, rejected: 2, pending: 0 })
    expect(error.result?.errors).toMatchObject([
      { index: 0, event: 'e1', error: code },
      { index: 1, event: 'e2', error: code },
    ])
    expect(api.calls).toHaveLength(1)
    expect(dropped).toMatchObject([{ events: [{ event: 'e1' }, { event: 'e2' }], error: { status: gets } }])
  })

  it('without a body names an error all the same', async () => {
    const { gflux, clock, track } = openVirtual({}, { gets: 401, body: '' })
    track(1)

    const error = await rejection(clock, gflux.flush())

    expect(error.result?.errors).toEqual([
      { index: 0, event: 'e1', error: 'http_4xx', detail: expect.stringContaining('401') },
    ])
  })

  it('tells the id of its request', async () => {
    const body = JSON.stringify({ error: 'bad_request', request_id: 'req_1' })
    const { gflux, clock, track } = openVirtual({}, { gets: 400, body })
    track(1)

    const error = await rejection(clock, gflux.flush())

    expect(error.result?.requestIds).toEqual(['req_1'])
  })

  it('is final: a later flush has nothing to send', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { gets: 401 })
    track(1)
    await rejection(clock, gflux.flush())

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 0, rejected: 0, pending: 0 })
    expect(api.calls).toHaveLength(1)
  })

  it('of one batch leaves the others alone', async () => {
    const { gflux, clock, track, stored } = openVirtual({}, { gets: 400 })
    track(70)

    const error = await rejection(clock, gflux.flush())

    expect(error.result).toMatchObject({ accepted: 20, rejected: 50, pending: 0 })
    expect(stored()).toHaveLength(20)
  })

  it('hands the events to `onDrop` as they would have been sent', async () => {
    const { gflux, clock, dropped } = openVirtual({}, { gets: 401 })
    void gflux.track('paid', { userId: 'u', properties: { total: 9 }, timestamp: '2026-01-01T00:00:00.000Z' })

    await rejection(clock, gflux.flush())

    expect(dropped[0]?.events).toMatchObject([
      { event: 'paid', external_id: 'u', properties: { total: 9 }, timestamp: '2026-01-01T00:00:00.000Z' },
    ])
  })

  it.each([
    () => {
      throw new Error('mine')
    },
    () => Promise.reject(new Error('mine')),
  ])('survives an `onDrop` that fails', async (onDrop) => {
    const { gflux, clock, track, logged } = openVirtual({ onDrop }, { gets: 401 })
    track(70)

    const error = await rejection(clock, gflux.flush())

    expect(error.result).toMatchObject({ accepted: 20, rejected: 50 })
    expect(logged.map(({ message }) => message)).toContain('GFlux: onDrop failed')
  })
})

describe('a redirect', () => {
  it('is not followed but retried, under the same key', async () => {
    const { gflux, clock, api, track } = openVirtual({}, { gets: 302, body: '' })
    track(1)

    const result = await clock.outcome(gflux.flush())

    expect(result).toMatchObject({ accepted: 1 })
    expect(api.calls.map(({ init }) => init.redirect)).toEqual(['manual', 'manual'])
    expect(keysOf(api)).toHaveLength(1)
  })

  it('that stays is an error, and the events stay queued', async () => {
    const { gflux, clock, api, track } = openVirtual({ maxRetries: 1 })
    api.otherwise = () => ({ gets: 307, body: '' })
    track(1)

    const error = await rejection(clock, gflux.flush())

    expect(error).toMatchObject({ code: 'invalid_response', status: 307, retryable: true })
    expect(error.result).toMatchObject({ pending: 1 })
  })
})
