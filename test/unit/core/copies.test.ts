import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { openClient, untyped } from '../../support/client.ts'

class Person {
  name = 'Jane'
}

describe('a queued event', () => {
  it('is what the caller’s objects were at the call', async () => {
    const { gflux, ingest } = openClient()
    const properties = { plan: 'pro', items: [{ sku: 1 }] }
    const context = { region: { name: 'eu' } }
    const timestamp = new Date('2026-01-02T00:00:00Z')
    const input = { userId: 'user_1', properties, context, timestamp }

    const tracked = gflux.track('opened', input)
    properties.plan = 'free'
    properties.items[0] = { sku: 2 }
    context.region.name = 'us'
    timestamp.setFullYear(1999)
    input.userId = 'user_2'
    await tracked
    await gflux.flush()

    expect(ingest.events).toMatchObject([
      {
        external_id: 'user_1',
        properties: { plan: 'pro', items: [{ sku: 1 }] },
        context: { region: { name: 'eu' } },
        timestamp: '2026-01-02T00:00:00.000Z',
      },
    ])
  })

  it('is not changed by a later change to config or binding', async () => {
    const defaultContext: Record<string, unknown> = { region: 'eu' }
    const bound: Record<string, unknown> = { tenant: 'a' }
    const binding = { userId: 'user_1', context: bound }
    const { gflux, ingest } = openClient({ defaultContext })
    const client = gflux.with(binding)

    defaultContext['region'] = bound['tenant'] = 'changed'
    defaultContext['more'] = bound['more'] = 'changed'
    binding.userId = 'user_2'
    await client.track('opened')
    await gflux.flush()

    const { library, runtime, ...context } = ingest.events[0]?.context ?? {}
    expect(ingest.events[0]).toMatchObject({ external_id: 'user_1' })
    expect(context).toEqual({ region: 'eu', tenant: 'a' })
  })

  it('leaves the caller’s objects as they were, frozen ones too', async () => {
    const { gflux, ingest } = openClient({ defaultContext: Object.freeze({ region: 'eu' }) })
    const input = Object.freeze({
      userId: 'user_1',
      properties: Object.freeze({ plan: 'pro' }),
      context: Object.freeze({ path: '/' }),
    })

    await gflux.track('opened', input)
    await gflux.flush()

    expect(ingest.stats.stored).toBe(1)
    expect(input).toEqual({ userId: 'user_1', properties: { plan: 'pro' }, context: { path: '/' } })
  })

  it('drops undefined, functions and symbols as JSON does', async () => {
    const { gflux, ingest } = openClient()
    const given = {
      kept: 1,
      missing: undefined,
      call: () => 1,
      symbol: Symbol('symbol'),
      [Symbol('key')]: 1,
      list: [undefined, () => 1, Symbol('item'), 2],
      nested: { missing: undefined },
      date: new Date(0),
      url: new URL('https://example.com'),
      person: new Person(),
      map: new Map([[1, 2]]),
    }

    await gflux.track('opened', untyped({ userId: 'user_1', properties: given, context: { given } }))
    await gflux.flush()

    const sent = JSON.parse(JSON.stringify(given))
    expect(ingest.events[0]?.properties).toEqual(sent)
    expect(ingest.events[0]?.context).toMatchObject({ given: sent })
  })

  it.each([
    ['another realm', () => runInNewContext('({ plan: "pro", list: [1], at: new Date(0) })')],
    ['no prototype', () => Object.assign(Object.create(null), { plan: 'pro', list: [1], at: new Date(0) })],
  ])('takes plain objects of %s', async (_where, create) => {
    const { gflux, ingest } = openClient({ defaultContext: { defaults: create() } })
    const plain = create()
    const sent = { plan: 'pro', list: [1], at: '1970-01-01T00:00:00.000Z' }

    await gflux
      .with({ context: create() })
      .track('opened', { userId: 'user_1', properties: plain, context: plain })
    await gflux.identify({ userId: 'user_1', anonymousId: 'anon_1', traits: plain })
    await gflux.flush()

    expect(ingest.events[0]?.properties).toEqual(sent)
    expect(ingest.events[0]?.context).toMatchObject({ ...sent, defaults: sent })
    expect(ingest.events[1]?.properties).toEqual({ traits: sent })
  })

  it.each(['[1]', 'new Map()', 'new Date()', 'new (class A {})', 'null'])(
    'takes nothing else of another realm: %s',
    async (source) => {
      const { gflux, ingest } = openClient()

      const tracked = gflux.track('opened', { userId: 'user_1', properties: runInNewContext(source) })

      await expect(tracked).rejects.toMatchObject({ code: 'validation_error' })
      expect(ingest.requests).toEqual([])
    },
  )
})
