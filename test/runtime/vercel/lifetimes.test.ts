import { describe, expect, it } from 'vitest'
import { withGFlux } from '../../../adapters/vercel/index.ts'
import { late, openClients, setEnv } from './client.ts'
import { replaceProvider } from './request-context.ts'

/** Everything that may offer a lifetime, in the order of asking; each notes its name. */
const offers = [
  'option',
  '@vercel/request-context',
  '@next/request-context',
  'handler',
  '__cloudflare-context__',
  'Netlify',
  'EdgeRuntime',
] as const

function offer(names: readonly string[]) {
  const asked: string[] = []
  const held: Promise<unknown>[] = []
  const lifetimeOf = (name: string) => ({
    waitUntil(this: unknown, promise: Promise<unknown>) {
      if (name !== 'option' && this === undefined) throw new TypeError('Illegal invocation')
      asked.push(name)
      held.push(promise)
    },
  })
  const stack = new DisposableStack()
  const globals = globalThis as Record<string, unknown>
  for (const name of names) {
    const lifetime = lifetimeOf(name)
    if (name.startsWith('@')) stack.use(replaceProvider({ get: () => lifetime }, Symbol.for(name)))
    else if (name.startsWith('__')) stack.use(replaceProvider({ ctx: lifetime }, Symbol.for(name)))
    else if (name === 'Netlify') globals[name] = { context: lifetime }
    else if (name === 'EdgeRuntime') globals[name] = lifetime
    stack.defer(() => {
      delete globals[name]
    })
  }
  const { waitUntil } = lifetimeOf('option')
  return {
    asked,
    held,
    options: names.includes('option') ? { waitUntil } : {},
    args: names.includes('handler') ? [lifetimeOf('handler')] : [],
    [Symbol.dispose]: () => stack.dispose(),
  }
}

describe('the lifetime of a call', () => {
  it.each(offers.map((name, index) => [name, offers.slice(index)] as const))(
    'comes from %s where that is the first to offer one',
    async (name, offered) => {
      using _env = setEnv({ VERCEL: '1' })
      using offering = offer(offered)
      const { plain, ingest } = openClients()
      const handler = withGFlux(
        plain,
        async (..._args: unknown[]) => await plain.track('opened', { userId: 'user_1' }),
        offering.options,
      )

      await handler('request', ...offering.args)
      await Promise.all(offering.held)

      expect(offering.asked).toEqual([name])
      expect(ingest.stats.stored).toBe(1)
    },
  )

  it('comes from the event of a Next proxy, whose request has a `waitUntil` that only throws', async () => {
    using _env = setEnv({ VERCEL: '1' })
    using offering = offer(['handler'])
    const { plain, logged } = openClients()
    const request = {
      waitUntil() {
        throw new Error('The middleware has a new signature')
      },
    }

    await withGFlux(plain, (..._args: unknown[]) => 'response')(request, ...offering.args)

    expect(offering.asked).toEqual(['handler'])
    expect(logged.map(([, context]) => context)).toContainEqual({ lifetime: 'handler' })
  })

  it.each([
    [
      'h3 1, in Nitro',
      class {
        __is_event__ = true
        promises: unknown[] = []
        waitUntil(promise: unknown) {
          this.promises.push(promise)
        }
      },
    ],
    [
      'h3 2',
      class {
        static __is_event__ = true
        req: { waitUntil?(promise: unknown): void } = {}
        waitUntil(promise: unknown) {
          this.req.waitUntil?.(promise)
        }
      },
    ],
  ])(
    'is never an event of %s, whose `waitUntil` takes everything and may hold nothing',
    async (_title, H3Event) => {
      using _env = setEnv({ VERCEL: '1' })
      const { plain, gflux, ingest, logged } = openClients([late(20)])
      const handler = (client: typeof plain) =>
        withGFlux(client, async (_event: object) => void (await client.track('opened', { userId: 'user_1' })))

      await handler(plain)(new H3Event())
      await handler(gflux)(new H3Event())

      expect(ingest.stats.stored).toBe(2)
      expect(logged.map(([, context]) => context)).not.toContainEqual({ lifetime: 'handler' })
    },
  )

  it('is what the platform has put into the context of such an event', async () => {
    using _env = setEnv({ VERCEL: '1' })
    const { plain, ingest } = openClients([late(20)])
    const held: Promise<unknown>[] = []
    const event = {
      __is_event__: true,
      waitUntil: () => undefined,
      context: { waitUntil: (promise: Promise<unknown>) => void held.push(promise) },
    }

    await withGFlux(plain, async (_event: object) => void plain.track('opened', { userId: 'user_1' }))(event)
    const storedAtResponse = ingest.stats.stored
    await Promise.all(held)

    expect([storedAtResponse, held.length, ingest.stats.stored]).toEqual([0, 1, 1])
  })

  it('is awaited on Cloudflare where nothing holds the request, though it has a `process` like Node’s', async () => {
    const own = Object.getOwnPropertyDescriptor(globalThis, 'navigator')
    Object.defineProperty(globalThis, 'navigator', {
      value: { userAgent: 'Cloudflare-Workers' },
      configurable: true,
    })
    const { plain, ingest } = openClients([late(20)])

    await withGFlux(plain, () => plain.track('opened', { userId: 'user_1' }))()
    Object.defineProperty(globalThis, 'navigator', own ?? { value: undefined, configurable: true })

    expect(ingest.stats.stored).toBe(1)
  })

  it('is the process on a machine whose variables `vercel env pull` wrote', async () => {
    using _env = setEnv({ VERCEL: '1', VERCEL_ENV: 'development', VERCEL_URL: '' })
    const { plain, logged } = openClients()

    await withGFlux(plain, () => 'response')()

    expect(logged.map(([, context]) => context)).toEqual([{ lifetime: 'background' }])
  })

  it('is the process for what is tracked beside a handler that never ends', async () => {
    const { gflux, ingest } = openClients()
    void withGFlux(gflux, () => new Promise(() => undefined))()

    await gflux.track('opened', { userId: 'user_1' })

    await expect.poll(() => ingest.stats.stored).toBe(1)
  })

  it('is looked for anew at each call', async () => {
    const { plain } = openClients()
    const handler = withGFlux(plain, async () => await plain.track('opened', { userId: 'user_1' }))
    using first = offer(['Netlify'])
    await handler()
    first[Symbol.dispose]()

    using second = offer(['@vercel/request-context'])
    await handler()

    expect([first.asked, second.asked]).toEqual([['Netlify'], ['@vercel/request-context']])
  })

  it('is in the log at debug level, each once', async () => {
    const { plain, logged } = openClients()
    const handler = withGFlux(plain, () => 'response')
    for (const name of ['Netlify', 'Netlify', 'handler'] as const) {
      using offering = offer([name])
      await handler.call(undefined, ...(offering.args as []))
    }
    await handler()
    using _env = setEnv({ NETLIFY: 'true' })
    await handler()

    expect(logged.map(([, context]) => (context as { lifetime?: string }).lifetime)).toEqual([
      'Netlify',
      'handler',
      'background',
      'none',
    ])
  })
})
