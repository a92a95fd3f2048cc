import { describe, expect, it } from 'vitest'
import { createTestIngest } from '../../../ingest/index.ts'
import { BATCH, batch, openInProcess } from './doors.ts'

const rateLimit = { eventsPerSecond: 2, burst: 4 }

describe('the rate limit', () => {
  it('is told on successful answers even where nothing is limited', async () => {
    const { post } = openInProcess({ now: () => 5000 })

    const { headers } = await post(BATCH, batch('a'))

    expect(headers.get('x-ratelimit-limit')).toBe('1000')
    expect(headers.get('x-ratelimit-remaining')).toBe('1000')
    expect(headers.get('x-ratelimit-reset')).toBe('5')
  })

  it('refuses events beyond the burst and says when to come back', async () => {
    let now = 10_000
    const { ingest, post } = openInProcess({ rateLimit, now: () => now })

    const first = await post(BATCH, batch('a', 'b', 'c'))
    const limited = await post(BATCH, batch('a', 'b', 'c', 'd'))
    now += Number(limited.headers.get('retry-after')) * 1000
    const retried = await post(BATCH, batch('a', 'b', 'c', 'd'))

    expect(first.headers.get('x-ratelimit-remaining')).toBe('1')
    expect(first.headers.get('x-ratelimit-reset')).toBe('12')
    expect(limited.status).toBe(429)
    expect(await limited.json()).toMatchObject({ error: 'rate_limited' })
    expect(limited.headers.get('retry-after')).toBe('2')
    expect(retried.status).toBe(202)
    expect(ingest.stats.stored).toBe(7)
  })

  it('holds for each API key alone, and for single events', async () => {
    const { post } = openInProcess({ rateLimit, now: () => 0 })
    await post(BATCH, batch('a', 'b', 'c', 'd'))

    const same = await post('/v1/events', batch('a').events[0])
    const other = await post('/v1/events', batch('a').events[0], {
      headers: { authorization: 'Bearer gflux_secret_other' },
    })

    expect([same.status, other.status]).toEqual([429, 202])
  })

  it('lets a batch larger than the burst pass when the bucket is full', async () => {
    let now = 0
    const { post } = openInProcess({ rateLimit, now: () => now })
    const large = batch('a', 'b', 'c', 'd', 'e')

    const statuses = [(await post(BATCH, large)).status, (await post(BATCH, large)).status]
    now += 2000
    statuses.push((await post(BATCH, large)).status)

    expect(statuses).toEqual([202, 429, 202])
  })

  it.each([
    { eventsPerSecond: 0, burst: 1 },
    { eventsPerSecond: 1, burst: Number.NaN },
  ])('is refused as %o', (bad) => {
    expect(() => createTestIngest({ rateLimit: bad })).toThrow(
      /^Expected `rateLimit\.\w+` to be a positive number/,
    )
  })
})
