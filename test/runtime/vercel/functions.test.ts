import { waitUntil } from '@vercel/functions'
import { describe, expect, it } from 'vitest'
import { vercelWaitUntil, withGFlux } from '../../../adapters/vercel/index.ts'
import { late, openClients, setEnv, sleep } from './client.ts'
import { installProvider, replaceProvider } from './request-context.ts'

const usersOf = (events: readonly object[]) =>
  events.map((event) => (event as { external_id?: string }).external_id)

describe('on Vercel, with the context of @vercel/functions', () => {
  it('the response comes first, then the events, one batch after the other', async () => {
    using provider = installProvider()
    const { ingest, plain } = openClients([late(100)])
    const request = provider.open()
    const handler = withGFlux(plain, async () => {
      for (let index = 0; index < 60; index++)
        void plain.track('opened', { userId: 'user_1', properties: { index } })
      return 'response'
    })

    const response = await request.run(handler)
    const storedAtResponse = ingest.stats.stored
    await request.end()

    expect([response, storedAtResponse]).toEqual(['response', 0])
    expect(ingest.stats).toMatchObject({ stored: 60, requests: 2, duplicates: 0 })
  })

  it.each(['plain', 'gflux'] as const)(
    'each of 30 overlapping requests holds its own events, and no other’s: %s client',
    async (kind) => {
      using provider = installProvider()
      const clients = openClients([{ status: 503, every: 5 }, late(30)])
      const gflux = clients[kind]
      const handler = withGFlux(gflux, async (id: string) => {
        void gflux.track('opened', { userId: id })
        await sleep((Number(id) * 7) % 40)
        void gflux.track('closed', { userId: id })
        if (Number(id) % 3 === 0) throw new Error(id)
        return id
      })
      const requests = Array.from({ length: 30 }, (_, index) => ({ id: String(index), ...provider.open() }))

      const ended = await Promise.all(
        requests.map(async ({ id, run, end, held }) => {
          const answer = await run(() => handler(id)).catch((error: Error) => error.message)
          await end()
          return {
            id,
            answer,
            held: held.length,
            stored: usersOf(clients.ingest.events).filter((user) => user === id).length,
          }
        }),
      )

      for (const { id, answer, held, stored } of ended)
        expect({ answer, stored, isHeld: held > 0 }).toEqual({ answer: id, stored: 2, isHeld: true })
      expect(clients.ingest.stats).toMatchObject({ stored: 60, duplicates: 0, keyConflicts: 0 })
    },
  )

  it.each(
    (['plain', 'gflux'] as const).flatMap((kind) => [
      [kind, 'the request', {}] as const,
      [kind, 'nothing', { VERCEL: '1' }] as const,
    ]),
  )(
    'a flush waits for its own request’s events alone, also where one that tracks nothing has none: %s client, held by %s',
    async (kind, holder, env) => {
      using _env = setEnv(env)
      using provider = holder === 'nothing' ? undefined : installProvider()
      const { ingest, ...clients } = openClients()
      const gflux = clients[kind]
      ingest.fail({ hang: true })
      const handler = withGFlux(
        gflux,
        async (...users: string[]) => {
          for (const userId of users) void gflux.track('opened', { userId })
        },
        { maxFlushMs: 4000 },
      )
      const answer = async (...users: string[]): Promise<void> => {
        const request = provider?.open()
        await (request ? request.run(() => handler(...users)) : handler(...users))
        await request?.end()
      }
      let isFirstOver = false
      const first = answer('first').then(() => {
        isFirstOver = true
      })
      await expect.poll(() => ingest.requests.length, { timeout: 10_000 }).toBe(1)

      await answer()
      await answer('second')
      const wasFirstOver = isFirstOver
      const stored = usersOf(ingest.events)
      await first

      expect([wasFirstOver, stored]).toEqual([false, ['second']])
      expect(ingest.stats.duplicates).toBe(0)
    },
  )

  it('a request takes along what an earlier one left queued', async () => {
    using provider = installProvider()
    const { plain, ingest } = openClients()
    const track = (): Promise<null | object> => plain.track('opened', { userId: 'first' })
    const [first, second] = [provider.open(), provider.open()]
    await first.run(withGFlux(plain, track, { maxFlushMs: 0 }))
    await first.end()
    const storedAtFirst = ingest.stats.stored

    await second.run(withGFlux(plain, () => 'nothing'))
    await second.end()

    expect([storedAtFirst, usersOf(ingest.events)]).toEqual([0, ['first']])
  })

  it('a request that never ends holds nobody else', async () => {
    using provider = installProvider()
    const { gflux, ingest } = openClients()
    const [stuck, other] = [provider.open(), provider.open()]
    const handler = withGFlux(gflux, async (isStuck: boolean) => {
      await gflux.track('opened', { userId: String(isStuck) })
      if (isStuck) await new Promise(() => undefined)
    })

    void stuck.run(() => handler(true))
    await other.run(() => handler(false))
    await other.end()

    expect(usersOf(ingest.events)).toContain('false')
    expect(other.held.length).toBeGreaterThan(0)
  })

  it.each(['plain', 'gflux'] as const)(
    'what is tracked in one’s own `waitUntil` work and in a streamed body is held by the request too: %s client',
    async (kind) => {
      using provider = installProvider()
      const { ingest, ...clients } = openClients([late(50)])
      const gflux = clients[kind]
      const request = provider.open()
      const handler = withGFlux(gflux, async () => {
        waitUntil(sleep(20).then(() => gflux.track('reported', { userId: 'user_1' })))
        const body = new ReadableStream({
          async pull(controller) {
            await sleep(40)
            await gflux.track('streamed', { userId: 'user_1' })
            controller.close()
          },
        })
        return new Response(body)
      })

      await request.run(async () => (await handler()).text())
      await request.end()

      expect(ingest.events.map(({ event }) => event).sort()).toEqual(['reported', 'streamed'])
    },
  )

  it.each(['plain', 'gflux'] as const)(
    'what a handler tracks in its time goes out in one request at its end: %s client',
    async (kind) => {
      using provider = installProvider()
      const { ingest, ...clients } = openClients()
      const gflux = clients[kind]
      const request = provider.open()
      const handler = withGFlux(gflux, async () => {
        await gflux.track('opened', { userId: 'user_1' })
        await sleep(50)
        await gflux.with({ userId: 'user_1' }).identify({ anonymousId: 'anon_1' })
      })

      await request.run(handler)
      await request.end()

      expect(ingest.stats).toMatchObject({ stored: 2, requests: 1 })
      expect(request.held).toHaveLength(1)
    },
  )

  it('what is tracked late is held by the handler’s own context where nothing else is', async () => {
    using _env = setEnv({ VERCEL: '1' })
    const { plain, ingest } = openClients([late(50)])
    const held: Promise<unknown>[] = []
    const context = { waitUntil: (promise: Promise<unknown>) => held.push(promise) }
    const handler = withGFlux(plain, async (_request: string, _context: object) => {
      void sleep(20).then(() => plain.with({ userId: 'user_1' }).track('reported'))
    })

    await handler('request', context)
    await Promise.all(held)
    await sleep(30)
    await Promise.all(held)

    expect(ingest.stats.stored).toBe(1)
    expect(held).toHaveLength(2)
  })

  it.each(['plain', 'gflux'] as const)(
    'a flush is over before the deadline that the context tells: %s client',
    async (kind) => {
      using provider = installProvider()
      const { ingest, ...clients } = openClients()
      const gflux = clients[kind]
      ingest.fail({ hang: true, times: Infinity })
      const deadline = Date.now() + 800
      const request = provider.open({ deadline: new Date(deadline).toISOString() })

      await request.run(
        withGFlux(gflux, () => gflux.track('opened', { userId: 'user_1' }), { maxDuration: 60 }),
      )
      await request.end()
      const endedAt = Date.now()

      expect(ingest.requests).toHaveLength(1)
      expect(endedAt).toBeLessThan(deadline)
    },
  )

  it('what is tracked in code that is not wrapped is held no longer than the deadline', async () => {
    using provider = installProvider()
    const { gflux, ingest } = openClients()
    ingest.fail({ hang: true, times: Infinity })
    const deadline = Date.now() + 800
    const request = provider.open({ deadline: new Date(deadline).toISOString() })

    await request.run(() => gflux.track('opened', { userId: 'user_1' }))
    await request.end()
    const endedAt = Date.now()

    expect(ingest.requests).toHaveLength(1)
    expect(endedAt).toBeLessThan(deadline)
  })

  it.each([
    ['maxDuration', { maxDuration: 0.8 }],
    ['maxFlushMs', { maxFlushMs: 800 - 300 }],
  ])('a flush is over before %s is, where the context tells no deadline', async (_title, options) => {
    using provider = installProvider()
    const { plain, ingest } = openClients()
    ingest.fail({ hang: true, times: Infinity })
    const request = provider.open({ deadline: 'soon' })
    const deadline = Date.now() + 800

    await request.run(withGFlux(plain, () => plain.track('opened', { userId: 'user_1' }), options))
    await request.end()
    const endedAt = Date.now()

    expect(ingest.requests).toHaveLength(1)
    expect(endedAt).toBeLessThan(deadline)
  })
})

describe.each<[title: string, provider: unknown]>([
  ['absent', undefined],
  ['without `get`', {}],
  ['that gives nothing', { get: () => undefined }],
  ['whose context holds nothing', { get: () => ({}) }],
  ['whose context has no function', { get: () => ({ waitUntil: true, deadline: {} }) }],
  ['whose deadline is no date', { get: () => ({ deadline: 5n }) }],
  [
    'that throws',
    {
      get: () => {
        throw new Error('broken')
      },
    },
  ],
  [
    'whose `waitUntil` throws',
    {
      get: () => ({
        waitUntil: () => {
          throw new Error('too late')
        },
      }),
    },
  ],
])('with a provider %s', (_title, provider) => {
  it('the events are delivered before the response on a serverless platform', async () => {
    using _provider = replaceProvider(provider)
    using _env = setEnv({ VERCEL: '1' })
    const { plain, ingest } = openClients([late(50)])

    const response = await withGFlux(plain, async () => {
      await plain.track('opened', { userId: 'user_1' })
      return 'response'
    })()

    expect(response).toBe('response')
    expect(ingest.stats.stored).toBe(1)
  })

  it('the events are delivered after the response in a process of its own', async () => {
    using _provider = replaceProvider(provider)
    const { plain, gflux, ingest } = openClients([late(50)])
    const handler = withGFlux(plain, async () => {
      await plain.track('opened', { userId: 'user_1' })
      await gflux.track('opened', { userId: 'user_2' })
      return 'response'
    })

    const response = await handler()
    const storedAtResponse = ingest.stats.stored
    await expect.poll(() => ingest.stats.stored, { timeout: 10_000 }).toBe(2)

    expect([response, storedAtResponse]).toEqual(['response', 0])
  })

  it('`vercelWaitUntil` takes a promise all the same', () => {
    using _provider = replaceProvider(provider)

    expect(() => vercelWaitUntil(Promise.reject(new Error('of the user')))).not.toThrow()
  })
})
