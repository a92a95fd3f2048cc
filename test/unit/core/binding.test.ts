import { describe, expect, it } from 'vitest'
import { openClient, untyped } from '../../support/client.ts'

async function sentBy(
  send: (gflux: ReturnType<typeof openClient>['gflux']) => Promise<unknown>,
  config?: Parameters<typeof openClient>[0],
) {
  const { gflux, ingest } = openClient(config)
  await send(gflux)
  await gflux.flush()
  const [sent] = ingest.events
  if (!sent) throw new Error('nothing was sent')
  const { timestamp, ...event } = sent
  const { library, runtime, ...context } = event.context ?? {}
  return { ...event, context }
}

describe('with()', () => {
  it('binds ids and context', async () => {
    const event = await sentBy((gflux) =>
      gflux.with({ userId: 'user_1', anonymousId: 'anon_1', context: { path: '/' } }).track('opened'),
    )

    expect(event).toEqual({
      event: 'opened',
      external_id: 'user_1',
      anonymous_id: 'anon_1',
      context: { path: '/' },
    })
  })

  it('gives way to the call, field by field', async () => {
    const event = await sentBy(
      (gflux) =>
        gflux
          .with({ userId: 'user_1', anonymousId: 'anon_1', context: { path: '/', tenant: 'a' } })
          .track('opened', { userId: 'user_2', context: { path: '/cart' } }),
      { defaultContext: { region: 'eu', tenant: 'none' } },
    )

    expect(event).toEqual({
      event: 'opened',
      external_id: 'user_2',
      anonymous_id: 'anon_1',
      context: { region: 'eu', tenant: 'a', path: '/cart' },
    })
  })

  it('gives way to the other name of the user id', async () => {
    const overBound = await sentBy((gflux) =>
      gflux.with({ userId: 'user_1' }).track('opened', { externalId: 'user_2' }),
    )
    const boundOther = await sentBy((gflux) =>
      gflux.with({ externalId: 'user_1' }).track('opened', { userId: 'user_2' }),
    )

    expect(overBound).toMatchObject({ external_id: 'user_2' })
    expect(boundOther).toMatchObject({ external_id: 'user_2' })
  })

  it('nests: the inner one wins, the outer one stays as it was', async () => {
    const { gflux, ingest } = openClient({ defaultContext: { level: 0, base: true } })
    const outer = gflux.with({ userId: 'user_1', context: { level: 1, outer: true } })
    const inner = outer.with({ anonymousId: 'anon_2', context: { level: 2 } })

    await inner.track('opened')
    await outer.track('opened')
    await gflux.track('opened', { userId: 'user_0' })
    await inner.flush()

    expect(ingest.events).toMatchObject([
      { external_id: 'user_1', anonymous_id: 'anon_2', context: { level: 2, outer: true, base: true } },
      { external_id: 'user_1', context: { level: 1, outer: true, base: true } },
      { external_id: 'user_0', context: { level: 0, base: true } },
    ])
    expect(ingest.events[1]).not.toHaveProperty('anonymous_id')
    expect(ingest.events[2]?.context).not.toHaveProperty('outer')
  })

  it('gives identify its ids', async () => {
    const event = await sentBy((gflux) =>
      gflux.with({ anonymousId: 'anon_1' }).identify({ userId: 'user_1', traits: { plan: 'pro' } }),
    )

    expect(event).toMatchObject({
      event: 'identify',
      anonymous_id: 'anon_1',
      external_id: 'user_1',
      properties: { traits: { plan: 'pro' } },
    })
  })

  it('treats undefined as not given', async () => {
    const event = await sentBy((gflux) =>
      gflux
        .with({ userId: 'user_1', context: { path: '/' } })
        .with({ userId: undefined, anonymousId: undefined, context: undefined, waitUntil: undefined })
        .track('opened', { userId: undefined, externalId: undefined, context: undefined }),
    )

    expect(event).toEqual({ event: 'opened', external_id: 'user_1', context: { path: '/' } })
  })

  it('shares the queue: one flush, one shutdown for all', async () => {
    const { gflux, ingest } = openClient()
    const bound = gflux.with({ userId: 'user_1' })

    await bound.track('opened')
    const result = await gflux.shutdown()
    const late = bound.track('opened')

    expect(result).toMatchObject({ accepted: 1 })
    await expect(late).rejects.toMatchObject({ code: 'client_closed' })
    expect(ingest.events).toHaveLength(1)
  })

  it('refuses null for a call’s id instead of falling back to the bound one', async () => {
    const { gflux, ingest } = openClient()

    const tracked = gflux.with({ userId: 'user_1' }).track('opened', untyped({ userId: null }))

    await expect(tracked).rejects.toMatchObject({ code: 'validation_error' })
    expect(ingest.requests).toEqual([])
  })
})
