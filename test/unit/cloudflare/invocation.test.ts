import { expect, it } from 'vitest'
import { withGFlux } from '../../../adapters/cloudflare/index.ts'
import type { GFluxNode } from '../../../src/index.ts'
import { openClient, untyped } from '../../support/client.ts'

const contexts: [title: string, ctx: unknown][] = [
  ['none', undefined],
  ['null', null],
  ['an empty one', {}],
  [
    'one that takes nothing',
    {
      waitUntil() {
        throw new Error('no lifetime')
      },
    },
  ],
]

it.each(contexts)(
  'an invocation whose ctx is %s has delivered its events with its result',
  async (_, ctx) => {
    const { gflux, ingest } = openClient()
    const { fetch } = withGFlux(gflux, {
      async fetch(request: Request, _env: unknown, _ctx: unknown, client) {
        client.track('opened', { userId: 'user_1' })
        return new Response(request.url)
      },
    })

    const response = await fetch(new Request('http://shop/'), undefined, untyped(ctx))

    expect(await response.text()).toBe('http://shop/')
    expect(ingest.stats.stored).toBe(1)
  },
)

it('a result without a ctx waits for calls that nobody awaits', async () => {
  const { gflux, ingest } = openClient()
  const handlers = withGFlux(gflux, {
    async scheduled(_controller, _env, _ctx, client) {
      client.alias({ userId: 'user_1', anonymousId: 'device_1' })
    },
  })

  await handlers.scheduled(untyped({}), undefined, untyped(undefined))

  expect(ingest.aliases).toHaveLength(1)
})

it.each(contexts)('a handler’s error is passed on where its ctx is %s', async (_, ctx) => {
  const { gflux, ingest } = openClient()
  const error = new TypeError('on purpose')
  const { scheduled } = withGFlux(gflux, {
    scheduled(_controller, _env, _ctx, client) {
      client.track('ran', { userId: 'user_1' })
      throw error
    },
  })

  await expect(scheduled(untyped({}), undefined, untyped(ctx))).rejects.toBe(error)

  expect(ingest.stats.stored).toBe(1)
})

it('an instance that is made without a ctx has delivered its events with its result', async () => {
  const { gflux, ingest } = openClient()
  class Service {
    declare readonly gflux: GFluxNode
    greet(name: string): string {
      void this.gflux.track('greeted', { userId: 'user_1' })
      return `hello ${name}`
    }
  }
  const Tracked = withGFlux(gflux, Service)

  const result: unknown = await new Tracked().greet('Ada')

  expect(result).toBe('hello Ada')
  expect(ingest.stats.stored).toBe(1)
})

it('a result without a ctx waits no longer than the flush may take', async () => {
  const { gflux, ingest } = openClient()
  ingest.fail({ hang: true, every: 1 })
  const handlers = withGFlux(
    gflux,
    {
      async scheduled(_controller, _env, _ctx, client) {
        for (let count = 0; count < 30; count++) client.track('ran', { userId: 'user_1' })
      },
    },
    { timeoutMs: 50 },
  )
  const startedAt = Date.now()

  await handlers.scheduled(untyped({}), undefined, untyped(undefined))

  expect(Date.now() - startedAt).toBeLessThan(2000)
})

it('a context that is a promise is refused, and what it rejects with is no unhandled rejection', async () => {
  const { gflux, ingest, logged } = openClient()
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown): unknown => unhandled.push(reason)
  process.on('unhandledRejection', onUnhandled)
  const context = untyped(async () => {
    throw new Error('on purpose')
  })
  const handlers = withGFlux(
    gflux,
    { scheduled: (_controller, _env, _ctx, client) => client.track('ran', { userId: 'user_1' }) },
    { context },
  )

  await handlers.scheduled(untyped({}), undefined, untyped(undefined))
  await new Promise((resolve) => setTimeout(resolve))
  process.off('unhandledRejection', onUnhandled)

  expect(unhandled).toEqual([])
  expect(logged.join()).toContain('`context` failed')
  expect(ingest.stats.stored).toBe(1)
})
