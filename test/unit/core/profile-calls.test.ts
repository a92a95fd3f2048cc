import { describe, expect, it } from 'vitest'
import type { GFluxNode } from '../../../src/index.ts'
import { errorOf, openClient, PERSONAL, PERSONAL_NUMBER, untyped } from '../../support/client.ts'
import { type BadCall, expectRefused } from './refusal.ts'

const erase = { id: PERSONAL, reason: 'gdpr_dsr' } as const

describe('alias', () => {
  it.each<BadCall>([
    ['no input', 'userId', (gflux) => gflux.alias(untyped(undefined))],
    ['null', 'input', (gflux) => gflux.alias(untyped(null))],
    ['no userId', 'userId', (gflux) => gflux.alias(untyped({ anonymousId: PERSONAL }))],
    ['an empty userId', 'userId', (gflux) => gflux.alias({ userId: '', anonymousId: PERSONAL })],
    [
      'a userId that is no string',
      'userId',
      (gflux) => gflux.alias(untyped({ userId: PERSONAL_NUMBER, anonymousId: 'a' })),
    ],
    ['no source', 'anonymousId', (gflux) => gflux.alias({ userId: PERSONAL })],
    ['an empty anonymousId', 'anonymousId', (gflux) => gflux.alias({ userId: 'u', anonymousId: '' })],
    [
      'a null anonymousId',
      'anonymousId',
      (gflux) => gflux.alias(untyped({ userId: 'u', anonymousId: null })),
    ],
    [
      'an empty previousId beside a good source',
      'previousId',
      (gflux) => gflux.alias({ userId: 'u', anonymousId: PERSONAL, previousId: ' ' }),
    ],
    [
      'a requestId that is no string',
      'requestId',
      (gflux) => gflux.alias(untyped({ userId: 'u', anonymousId: PERSONAL, requestId: PERSONAL_NUMBER })),
    ],
  ])('refuses %s', async (...call) => {
    await expectRefused(call)
  })

  it('refuses a publishable key', async () => {
    await expectRefused(
      ['alias', 'token', (gflux) => gflux.alias({ userId: PERSONAL, anonymousId: 'anon_1' })],
      { token: `gflux_pub_${PERSONAL}` },
    )
  })
})

describe('erase', () => {
  it.each<BadCall>([
    ['no input', 'reason', (gflux) => gflux.erase(untyped(undefined))],
    ['null', 'input', (gflux) => gflux.erase(untyped(null))],
    ['no id', 'id', (gflux) => gflux.erase(untyped({ reason: 'gdpr_dsr' }))],
    ['an empty id', 'id', (gflux) => gflux.erase({ ...erase, id: '' })],
    ['a null id', 'id', (gflux) => gflux.erase(untyped({ ...erase, id: null }))],
    ['an id that is a number', 'id', (gflux) => gflux.erase(untyped({ ...erase, id: PERSONAL_NUMBER }))],
    ['an id that is no Unicode', 'id', (gflux) => gflux.erase({ ...erase, id: `${PERSONAL}\ud800` })],
    ['an id that a URL takes for this folder', 'id', (gflux) => gflux.erase({ ...erase, id: '.' })],
    ['an id that a URL takes for the parent folder', 'id', (gflux) => gflux.erase({ ...erase, id: '..' })],
    ['no reason', 'reason', (gflux) => gflux.erase(untyped({ id: PERSONAL }))],
    ['an unknown reason', 'reason', (gflux) => gflux.erase(untyped({ ...erase, reason: PERSONAL }))],
    ['an inherited reason', 'reason', (gflux) => gflux.erase(untyped({ ...erase, reason: 'constructor' }))],
    ['an empty requestId', 'requestId', (gflux) => gflux.erase({ ...erase, requestId: '' })],
  ])('refuses %s', async (...call) => {
    await expectRefused(call)
  })

  it('refuses a publishable key', async () => {
    await expectRefused(['erase', 'token', (gflux) => gflux.erase(erase)], { token: `gflux_pub_${PERSONAL}` })
  })
})

describe('a call that is not queued', () => {
  it('gives the API’s answer', async () => {
    const { gflux, ingest } = openClient({}, { now: () => Date.UTC(2026, 0, 2) })
    await gflux.track('opened', { userId: 'user_1' })
    await gflux.flush()

    const alias = await gflux.alias({ userId: 'user_1', anonymousId: 'anon_1', previousId: 'old_1' })
    const erasure = await gflux.erase({ id: 'anon_1', reason: 'customer_request' })

    expect(alias).toEqual({
      alias: {
        user_id: 'user_1',
        anonymous_id: 'anon_1',
        previous_id: 'old_1',
        merged_at: '2026-01-02T00:00:00.000Z',
      },
    })
    expect(erasure).toEqual({
      erasure_id: expect.stringMatching(/^era_/),
      profiles_targeted: 1,
      events_targeted: 1,
      completes_by: '2026-02-01T00:00:00.000Z',
    })
    expect(ingest.aliases).toHaveLength(1)
    expect(ingest.erasures).toMatchObject([{ id: 'anon_1' }])
  })

  it.each<[string, (gflux: GFluxNode) => Promise<unknown>]>([
    ['alias', (gflux) => gflux.alias({ userId: 'user_1', anonymousId: 'anon_1' })],
    ['erase', (gflux) => gflux.erase(erase)],
  ])('%s takes nothing but what the API promises for an answer', async (_name, call) => {
    const { gflux, ingest } = openClient({ maxRetries: 0 })
    ingest.fail({ status: 200, body: {} })

    const error = await errorOf(() => call(gflux))

    expect(error).toMatchObject({ code: 'invalid_response', status: 200, retryable: true })
  })

  it('names the API’s own code in details and is not retried', async () => {
    const { gflux, ingest } = openClient()
    await gflux.alias({ userId: 'user_1', anonymousId: 'anon_1' })

    const conflict = await errorOf(() => gflux.alias({ userId: 'user_2', anonymousId: 'anon_1' }))
    const missing = await errorOf(() => gflux.erase({ id: 'nobody', reason: 'internal' }))

    expect(conflict).toMatchObject({
      code: 'http_4xx',
      status: 409,
      retryable: false,
      details: { error: 'alias_conflict', profiles: ['user_1', 'user_2'] },
    })
    expect(missing).toMatchObject({ code: 'http_4xx', status: 404, details: { error: 'not_found' } })
    expect(ingest.stats.requests).toBe(3)
  })

  it('is refused after shutdown', async () => {
    const { gflux, ingest } = openClient()
    await gflux.shutdown()

    const alias = await errorOf(() => gflux.alias({ userId: 'user_1', anonymousId: 'anon_1' }))
    const erasure = await errorOf(() => gflux.erase({ id: 'user_1', reason: 'internal' }))

    expect([alias.code, erasure.code]).toEqual(['client_closed', 'client_closed'])
    expect(ingest.requests).toEqual([])
  })
})
