import { describe, expect, it } from 'vitest'
import type { Fate } from '../../support/virtual-api.ts'
import { abandonFlush, goDown, invocation, openVirtual, rejection } from '../../support/virtual-client.ts'

describe('a flush while the API is down', () => {
  it('lets `skip` return at once while it is left alone: no request, no timer, no time', async () => {
    const client = openVirtual()
    const { gflux, clock, api } = client
    await goDown(client)
    const [calls, sleeps, now] = [api.calls.length, clock.sleeps.length, clock.now()]

    const error = await gflux.flush({ ifDown: 'skip', timeoutMs: 5_000 }).catch((reason) => reason)

    expect((error.result ?? error).pending).toBe(2)
    expect([api.calls.length, clock.sleeps.length, clock.now()]).toEqual([calls, sleeps, now])
  })

  it('lets `wait` come back by itself after a short outage', async () => {
    const { gflux, clock, api, track } = openVirtual()
    const recoversAt = clock.now() + 3_000
    api.otherwise = () => (clock.now() < recoversAt ? { gets: 503 } : {})
    track(3)

    const result = await clock.outcome(gflux.flush({ ifDown: 'wait', timeoutMs: 30_000 }))

    expect(result).toMatchObject({ accepted: 3, pending: 0 })
  })

  it('lets `wait` give up on a long outage', async () => {
    const { gflux, clock, api, track } = openVirtual()
    api.otherwise = () => ({ gets: 503 })
    const began = clock.now()
    track(3)

    const error = await rejection(clock, gflux.flush({ ifDown: 'wait', timeoutMs: 30_000 }))

    expect(error.result).toMatchObject({ pending: 3 })
    expect(clock.now() - began).toBeLessThan(30_000)
  })

  it('lets `try` always try', async () => {
    const client = openVirtual()
    const { gflux, clock, api } = client
    await goDown(client)
    const [before, now] = [api.calls.length, clock.now()]

    await rejection(clock, gflux.flush())

    expect(api.calls[before]?.sentAt).toBe(now)
  })

  it.each(['try', 'wait'] as const)('lets `%s` fail as long as the API asks for quiet', async (ifDown) => {
    const { gflux, clock, api, track } = openVirtual({}, { gets: 429, retryAfter: 60 })
    track(1)
    await rejection(clock, gflux.flush())
    await clock.advance(10_000)
    track(1)

    const error = await rejection(clock, gflux.flush({ ifDown }))
    const last = await rejection(clock, gflux.shutdown())

    expect(error).toMatchObject({ code: 'http_4xx', status: 429, retryAfterMs: 50_000 })
    expect([error.result?.pending, last.result?.pending]).toEqual([2, 2])
    expect(api.calls).toHaveLength(1)
  })

  it('tells why it is to be left alone, whatever else it answered meanwhile', async () => {
    const fates: Fate[] = [
      { gets: 429, retryAfter: 60 },
      { gets: 400, latencyMs: 60 },
    ]
    const { gflux, clock, track } = openVirtual({}, ...fates)
    track(100)
    await rejection(clock, gflux.flush())

    const error = await rejection(clock, gflux.flush())

    expect(error).toMatchObject({ status: 429, retryable: true, result: { pending: 50 } })
  })

  it('lets `wait` fail each time, also where it is not worth waiting', async () => {
    const client = openVirtual()
    const { gflux, clock, api } = client
    api.otherwise = () => ({ gets: 503 })
    client.track(1)
    await rejection(clock, gflux.flush({ ifDown: 'wait' }))

    const error = await rejection(clock, gflux.flush({ ifDown: 'wait' }))

    expect(error).toMatchObject({ code: 'http_5xx', result: { pending: 1 } })
  })

  it('lets `try` give each request its whole time', async () => {
    const fates: Fate[] = [{ gets: 503 }, { latencyMs: 800 }]
    const { gflux, clock, track } = openVirtual({ maxRetries: 0, concurrency: 1 }, ...fates)
    track(100)

    const error = await rejection(clock, gflux.flush())

    expect(error.result).toMatchObject({ accepted: 50, pending: 50 })
  })

  it('lets `skip` wait only once, and a little more, for requests of others that hang', async () => {
    const client = openVirtual({ concurrency: 1, timeoutMs: 30_000 }, { gets: 'hang' })
    const { clock, track } = client
    track(1)
    await abandonFlush(client, 10)

    const waits: number[] = []
    for (let n = 0; n < 4; n++) {
      const began = clock.now()
      await invocation(client, 3_000)
      waits.push(clock.now() - began)
    }

    expect(waits[1]).toBeLessThan(1_500)
    expect(waits.slice(2)).toEqual([0, 0])
  })
})
