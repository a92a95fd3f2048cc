import { describe, expect, it } from 'vitest'
import type { Failure } from '../../../ingest/index.ts'
import type { FlushResult } from '../../../src/index.ts'
import { openIngest, trackMany } from '../../support/http.ts'

const once = { accepted: 3, rejected: 0, pending: 0, errors: [] }

describe.concurrent('an API that recovers', () => {
  it.each<[title: string, failure: Failure, timeoutMs?: number]>([
    ['a 408', { status: 408 }],
    ['a 425', { status: 425 }],
    ['a 429', { status: 429 }],
    ['a 429 with Retry-After in seconds', { status: 429, retryAfter: 0.05 }],
    ['a 429 with Retry-After as a date', { status: 429, retryAfter: new Date(0) }],
    ['a 503 with a Retry-After that is none', { status: 503, retryAfter: 'soon' }],
    ['a 500', { status: 500 }],
    ['a 502 of a proxy', { status: 502, body: '<h1>Bad gateway</h1>' }],
    ['a 503', { status: 503 }],
    ['a 504 without a body', { status: 504, body: '' }],
    ['a 599', { status: 599 }],
    ['a late answer', { delayMs: 50 }],
    ['an answer after the time limit', { delayMs: 400 }, 100],
    ['no answer', { hang: true }, 100],
    ['a connection that dies before', { reset: 'before' }],
    ['a connection that dies after', { reset: 'after' }],
    ['a late death', { reset: 'after', delayMs: 50 }],
    ['an answer that breaks off', { body: 'truncated' }],
    ['an answer that is no JSON', { body: 'not-json' }],
    ['a 200 of something else', { status: 200, body: '{}' }],
    ['a 204', { status: 204, body: '' }],
    ['a redirect', { redirect: '/elsewhere' }],
    ['a permanent redirect', { redirect: '/v1/events', status: 308 }],
  ])('stores every event exactly once after %s', async (_title, failure, timeoutMs) => {
    await using http = await openIngest()
    const gflux = http.connect({ timeoutMs })
    http.ingest.fail(failure)
    await trackMany(gflux, 3)

    const result = await gflux.flush()

    const { stored, duplicates, keyConflicts, inFlight } = http.ingest.stats
    const keys = http.ingest.requests.map(({ idempotencyKey }) => idempotencyKey)
    expect(result).toMatchObject(once)
    expect({ stored, duplicates, keyConflicts, inFlight }).toMatchObject({
      stored: 3,
      duplicates: 0,
      keyConflicts: 0,
    })
    expect(new Set(keys).size).toBe(1)
  })

  it.each<[title: string, failure: Failure]>([
    ['reset', { reset: 'after', share: 0.3 }],
    ['refused', { status: 503, share: 0.3 }],
    ['unreadable', { body: 'truncated', share: 0.3 }],
  ])(
    'stores every event exactly once when requests are at random %s',
    async (_title, failure) => {
      await using http = await openIngest()
      const gflux = http.connect({ concurrency: 8, flushAt: 1000 })
      http.ingest.fail(failure)
      await trackMany(gflux, 400)

      let rest: FlushResult | undefined
      for (let turns = 0; rest?.pending !== 0 && turns < 20; turns += 1) {
        rest = await gflux.flush().catch(() => undefined)
      }

      const { stored, duplicates, keyConflicts } = http.ingest.stats
      expect(rest).toMatchObject({ pending: 0, rejected: 0 })
      expect({ stored, duplicates, keyConflicts }).toEqual({ stored: 400, duplicates: 0, keyConflicts: 0 })
    },
    30_000,
  )

  it.each<[title: string, failure: Failure]>([
    ['503', { status: 503, times: 1 }],
    ['reset after', { reset: 'after', times: 1 }],
    ['not JSON', { body: 'not-json', times: 1 }],
  ])('takes an alias once after %s', async (_title, failure) => {
    await using http = await openIngest()
    const gflux = http.connect()
    http.ingest.fail(failure)

    const answer = await gflux.alias({ userId: 'user_1', anonymousId: 'anon_1' })

    const [first, second] = http.ingest.requests
    expect(answer).toMatchObject({ alias: { user_id: 'user_1' } })
    expect(http.ingest.aliases).toHaveLength(1)
    expect(first?.idempotencyKey).toBe(second?.idempotencyKey)
  })

  it('takes an erasure once after its answer was lost', async () => {
    await using http = await openIngest()
    const gflux = http.connect()
    await trackMany(gflux, 1)
    await gflux.flush()
    http.ingest.fail({ reset: 'after' })

    const answer = await gflux.erase({ id: 'user_1', reason: 'gdpr_dsr' })

    expect(answer).toMatchObject({ events_targeted: 1 })
    expect(http.ingest.erasures).toHaveLength(1)
  })
})
