import { describe, expect, it } from 'vitest'
import { createTestIngest, type Failure } from '../../../ingest/index.ts'
import { BATCH, batch, type Client, openInProcess } from './doors.ts'

async function statusesOf({ post }: Client, count: number): Promise<number[]> {
  const statuses: number[] = []
  for (let sent = 0; sent < count; sent += 1) statuses.push((await post(BATCH, batch('one'))).status)
  return statuses
}

describe('a failure strikes', () => {
  it('the next request, without more words', async () => {
    const client = openInProcess()
    client.ingest.fail({ status: 500 })

    expect(await statusesOf(client, 2)).toEqual([500, 202])
  })

  it('the next n requests', async () => {
    const client = openInProcess()
    client.ingest.fail({ status: 500, times: 2 })

    expect(await statusesOf(client, 3)).toEqual([500, 500, 202])
  })

  it('every n-th request', async () => {
    const client = openInProcess()
    client.ingest.fail({ status: 500, every: 2 })

    expect(await statusesOf(client, 5)).toEqual([202, 500, 202, 500, 202])
  })

  it('a share of requests', async () => {
    const draws = [0.1, 0.2, 0.19, 0.9]
    const client = openInProcess({ random: () => draws.shift() ?? 1 })
    client.ingest.fail({ status: 500, share: 0.2 })

    expect(await statusesOf(client, 4)).toEqual([500, 202, 500, 202])
  })

  it('a share of requests, up to a number of times', async () => {
    const client = openInProcess({ random: () => 0 })
    client.ingest.fail({ status: 500, share: 0.2, times: 1 })

    expect(await statusesOf(client, 2)).toEqual([500, 202])
  })

  it.each([
    [0, [202, 202]],
    [1, [500, 500]],
  ])('with a share of %i none or all', async (share, statuses) => {
    const client = openInProcess({ random: () => 0 })
    client.ingest.fail({ status: 500, share })

    expect(await statusesOf(client, 2)).toEqual(statuses)
  })

  it('only requests to its path', async () => {
    const client = openInProcess()
    client.ingest.fail({ status: 500, path: '/v1/events' })

    const [first] = await statusesOf(client, 1)
    const single = await client.post('/v1/events?a=b', {})

    expect([first, single.status]).toEqual([202, 500])
  })

  it('in the order of asking, one per request', async () => {
    const client = openInProcess()
    client.ingest.fail({ status: 500 })
    client.ingest.fail({ status: 501 })

    expect(await statusesOf(client, 3)).toEqual([500, 501, 202])
  })

  it('no more once it is taken back', async () => {
    const client = openInProcess()
    const takeBack = client.ingest.fail({ status: 500, times: Number.POSITIVE_INFINITY })
    client.ingest.fail({ status: 501, times: Number.POSITIVE_INFINITY })

    const before = await statusesOf(client, 2)
    takeBack()
    takeBack()

    expect([...before, ...(await statusesOf(client, 1))]).toEqual([500, 500, 501])
  })
})

describe('a failure that makes no sense', () => {
  it.each([
    [undefined, 'Expected `failure` to be an object such as { status: 503 }, got `undefined` (undefined)'],
    [null, 'Expected `failure` to be an object'],
    [503, 'Expected `failure` to be an object such as { status: 503 }, got `503` (number)'],
    ['503', 'Expected `failure` to be an object such as { status: 503 }, got `503` (string)'],
    [[{ status: 503 }], 'Expected `failure` to be an object'],
    [{}, 'Expected a failure to be one of'],
    [{ times: 2 }, 'Expected a failure to be one of'],
    [{ hang: true, status: 500 }, 'got status and hang'],
    [{ retryAfter: 1, hang: true }, 'got hang and retryAfter'],
    [{ hang: false }, 'Expected `hang` to be true'],
    [{ reset: 'during' }, "Expected `reset` to be 'before' or 'after', got `during` (string)"],
    [{ body: 'html' }, "Expected `body` to be 'truncated' or 'not-json'"],
    [{ status: 99 }, 'Expected `status` to be an integer from 200 to 599, got `99` (number)'],
    [{ status: 600 }, 'Expected `status`'],
    [{ status: '500' }, 'Expected `status`'],
    [{ redirect: '/x', status: 303 }, 'Expected `status` to be one of 301, 302, 307, 308'],
    [{ redirect: '' }, 'Expected `redirect`'],
    [{ redirect: '/→' }, 'Expected `redirect`'],
    [{ redirect: '/a\nb' }, 'Expected `redirect`'],
    [{ status: 429, retryAfter: -1 }, 'Expected `retryAfter`'],
    [{ status: 429, retryAfter: '1\n2' }, 'Expected `retryAfter`'],
    [{ status: 429, retryAfter: new Date('x') }, 'Expected `retryAfter`'],
    [{ status: 500, times: 0 }, 'Expected `times` to be a positive integer or Infinity'],
    [{ status: 500, times: 1.5 }, 'Expected `times`'],
    [{ status: 500, share: 1.1 }, 'Expected `share`'],
    [{ status: 500, share: Number.NaN }, 'Expected `share`'],
    [{ status: 500, every: 0 }, 'Expected `every`'],
    [{ status: 500, path: 'v1/events' }, 'Expected `path`'],
    [{ delayMs: -1 }, 'Expected `delayMs`'],
    [{ delayMs: Number.POSITIVE_INFINITY }, 'Expected `delayMs`'],
    [{ delayMs: '5' }, 'Expected `delayMs`'],
    [{ delayMs: 2 ** 31 }, 'Expected `delayMs` to be a number of milliseconds from 0 to 2147483647'],
    [{ status: 500, time: 2 }, 'Unknown failure option `time`'],
  ])('is refused at once: %o', (failure, message) => {
    const ingest = createTestIngest()

    expect(() => ingest.fail(failure as Failure)).toThrow(message)
  })
})
