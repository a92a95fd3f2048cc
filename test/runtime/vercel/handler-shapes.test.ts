import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { vercelWaitUntil, withGFlux } from '../../../adapters/vercel/index.ts'
import { createTestIngest } from '../../../ingest/index.ts'
import { initGFluxNode } from '../../../src/index.ts'
import { errorOf, TOKEN, untyped } from '../../support/client.ts'
import { late, openClients, setEnv, sleep } from './client.ts'
import { installProvider } from './request-context.ts'

describe('a wrapped function', () => {
  it('keeps its name, arity, properties, `this`, arguments and result', async () => {
    const { plain } = openClients()
    const result = { status: 200 }
    const mark = Symbol('mark')
    const original = Object.assign(
      async function handle(this: unknown, ...[first, second]: unknown[]) {
        return { self: this, first, second, result }
      },
      { [mark]: true, config: { runtime: 'edge' } },
    )

    const wrapped = withGFlux(plain, original)
    const self = {}
    const called = await wrapped.call(self, 1, 2)

    expect([wrapped.name, wrapped.length, wrapped[mark], wrapped.config]).toEqual([
      'handle',
      0,
      true,
      original.config,
    ])
    expect(withGFlux(plain, (_request: unknown, _context: unknown) => 1)).toHaveLength(2)
    expect(called).toEqual({ self, first: 1, second: 2, result })
    expect([called.self, called.result]).toEqual([self, result])
    expect(called.result).toBe(result)
  })

  it.each(['the handler', 'the wrapper'])(
    'is a server action of its own beside its handler, which React marks: %s first',
    (first) => {
      const { plain } = openClients()
      const action = Object.assign(async () => 'done', { config: 1 })
      const wrapped = withGFlux(plain, action)
      const both = [action, wrapped]
      const tag = Symbol.for('react.server.reference')
      // As `registerServerReference` does.
      const mark = (marked: object): void => {
        const id = marked === action ? 'plain' : 'tracked'
        Object.defineProperties(marked, { $$typeof: { value: tag }, $$id: { value: id, configurable: true } })
      }

      for (const each of first === 'the wrapper' ? [...both].reverse() : both) mark(each)
      mark(wrapped)

      const shown = both.map((each) => ['$$id', '$$typeof', 'config'].map((name) => Reflect.get(each, name)))
      expect(shown).toEqual([
        ['plain', tag, 1],
        ['tracked', tag, 1],
      ])
    },
  )

  it('is otherwise the same object as its handler to who defines, deletes or inherits a property', () => {
    const { plain } = openClients()
    const original: { (): void; x?: number; y?: number } = () => undefined
    const wrapped = withGFlux(plain, original)

    Object.defineProperty(wrapped, 'x', { value: 1, writable: true, configurable: true, enumerable: true })
    wrapped.x = 2
    const heir: typeof wrapped = Object.create(wrapped)
    heir.y = 3

    expect([wrapped.x, original.x, Object.hasOwn(wrapped, 'x'), wrapped.y]).toEqual([2, 2, true, undefined])
    delete wrapped.x
    expect(['x' in wrapped, 'x' in original]).toEqual([false, false])
  })

  it('has what is assigned to it and to its handler, and may be fixed', () => {
    const { plain } = openClients()
    const original: { (): void; routes?: number; title?: string } = () => undefined
    const wrapped = withGFlux(plain, original)

    Object.assign(original, { title: 'original' })
    Object.assign(wrapped, { routes: 1 })
    Object.freeze(wrapped)

    expect([wrapped.title, wrapped.routes, original.routes]).toEqual(['original', 1, 1])
    expect('title' in wrapped && Object.isFrozen(original)).toBe(true)
  })

  it.each([
    ['rejects with', async (error: unknown) => Promise.reject(error)],
    [
      'throws',
      (error: unknown) => {
        throw error
      },
    ],
  ])('passes on the very error that it %s, such as Next’s redirect, and delivers', async (_title, fail) => {
    using _env = setEnv({ VERCEL: '1' })
    const { plain, ingest } = openClients()
    const redirect = Object.assign(new Error('NEXT_REDIRECT'), { digest: 'NEXT_REDIRECT;replace;/;307;' })
    const handler = withGFlux(plain, async () => {
      await plain.track('opened', { userId: 'user_1' })
      return fail(redirect)
    })

    await expect(handler()).rejects.toBe(redirect)
    expect(ingest.stats.stored).toBe(1)
  })

  it('is as synchronous as its handler where a lifetime holds the flush', async () => {
    using provider = installProvider()
    const { plain, ingest } = openClients()
    const request = provider.open()
    const error = new Error('on purpose')
    const handler = withGFlux(plain, (isFailing: boolean) => {
      void plain.track('opened', { userId: 'user_1' })
      if (isFailing) throw error
      return 'response'
    })

    const result = request.run(() => handler(false))
    const fail = () => request.run(() => handler(true))

    expect(result).toBe('response')
    expect(fail).toThrow(error)
    await request.end()
    expect(ingest.stats.stored).toBe(2)
  })

  it('gives its response, the very same, while the API refuses everything', async () => {
    using _env = setEnv({ VERCEL: '1' })
    const { plain } = openClients([{ status: 401, times: Infinity }])
    const response = new Response('ok')

    const given = await withGFlux(plain, async () => {
      await plain.track('opened', { userId: 'user_1' })
      return response
    })()

    expect(given).toBe(response)
  })
})

describe('a wrapped object', () => {
  class Application {
    readonly #name = 'private'
    readonly routes = 1
    async fetch(_request: string) {
      return this.#name
    }
    describe() {
      return this.routes
    }
    get title() {
      return this.#name
    }
    rename() {
      return this
    }
  }

  it('keeps its type and the rest of it, and its `fetch` may be called bare', async () => {
    using _env = setEnv({ VERCEL: '1' })
    const { plain, ingest } = openClients()
    const application = new Application()
    const frozen = Object.freeze({ fetch: () => plain.track('opened', { userId: 'user_1' }) })

    const wrapped = withGFlux(plain, application)
    const { fetch } = withGFlux(plain, frozen)
    await fetch()

    expect(wrapped).toBeInstanceOf(Application)
    expect([await wrapped.fetch('request'), wrapped.describe(), { ...wrapped }.routes]).toEqual([
      'private',
      1,
      1,
    ])
    expect(ingest.stats.stored).toBe(1)
  })

  it('may have a `fetch` that is fixed', async () => {
    const { plain, ingest } = openClients()
    const fixed = { greeting: 'hello', fetch: () => plain.track('opened', { userId: 'user_1' }) }
    Object.defineProperty(fixed, 'fetch', { writable: false, configurable: false, enumerable: false })

    const wrapped = withGFlux(plain, fixed)
    await wrapped.fetch()

    class Application {
      get GET() {
        return fixed.fetch
      }
    }
    await withGFlux(plain, Object.freeze(new Application())).GET()

    expect('fetch' in wrapped).toBe(true)
    expect(wrapped.greeting).toBe('hello')
    await expect.poll(() => ingest.stats.stored).toBe(2)
  })

  it('runs all of it on the original, which has private fields and changes', () => {
    const { plain } = openClients()
    const application = new Application()
    const wrapped = withGFlux(plain, application)

    const title = wrapped.title
    const named = wrapped.rename()
    Object.assign(application, { routes: 2 })

    expect([title, wrapped.describe(), wrapped.routes]).toEqual(['private', 2, 2])
    expect([named, wrapped.constructor]).toEqual([wrapped, Application])
  })

  it('has each of its methods wrapped', async () => {
    using _env = setEnv({ VERCEL: '1' })
    const { plain, ingest } = openClients()
    const track = async (): Promise<null> => {
      await plain.track('opened', { userId: 'user_1' })
      return null
    }
    const methods = {
      GET: track,
      HEAD: track,
      OPTIONS: track,
      POST: track,
      PUT: track,
      DELETE: track,
      PATCH: track,
    }

    const { GET, ...others } = withGFlux(plain, methods)
    const stored: number[] = []
    for (const method of [GET, ...Object.values(others)]) {
      await method()
      stored.push(ingest.stats.stored)
    }

    expect(stored).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  const shapes = 'a function, or an object with `fetch` or functions named by HTTP methods'
  it.each([
    [undefined, `Expected \`handler\` to be ${shapes}, got Undefined`],
    [null, `Expected \`handler\` to be ${shapes}, got Null`],
    [1, `Expected \`handler\` to be ${shapes}, got Number`],
    [{}, `Expected \`handler\` to be ${shapes}, got Object`],
    [{ get: () => 1, x: 1 }, `Expected \`handler\` to be ${shapes}, got an object with \`get\`, \`x\``],
    [{ fetch: 1 }, 'Expected `handler.fetch` to be a function, got Number'],
    [{ POST: 'x' }, 'Expected `handler.POST` to be a function, got a string of 1 characters'],
  ])('is refused where it is none: %j', async (handler, message) => {
    const { plain } = openClients()

    const error = await errorOf(() => withGFlux(plain, untyped(handler)))

    expect(error).toMatchObject({ code: 'validation_error', message })
  })

  it('is refused with `null` for options', async () => {
    const { plain } = openClients()

    const error = await errorOf(() => withGFlux(plain, () => 1, untyped(null)))

    expect(error).toMatchObject({
      code: 'validation_error',
      message: 'Expected `options` to be a plain object, got Null',
    })
  })

  it.each([{ maxDuration: -1 }, { marginMs: NaN }, { maxFlushMs: '1' }, { waitUntil: 1 }])(
    'is refused with options that make no sense: %j',
    async (options) => {
      const { plain } = openClients()
      const [name = ''] = Object.keys(options)

      const error = await errorOf(() => withGFlux(plain, () => 1, untyped(options)))

      expect(error).toMatchObject({ code: 'validation_error', message: expect.stringContaining(name) })
    },
  )
})

type NodeHandler = (request: IncomingMessage, response: ServerResponse) => unknown

/** A real server of one handler, asked once. `seen` is what the ingest had stored when the response was complete. */
async function ask(handler: NodeHandler, stored: () => number) {
  const server = createServer(handler as RequestListener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'body' })
    const text = await response.text()
    return { status: response.status, text, seen: stored() }
  } finally {
    server.close()
  }
}

describe('a Node handler', () => {
  const shapes: Record<string, (track: () => Promise<unknown>) => NodeHandler> = {
    'that ends its response at once': (track) => (_request, response) => {
      void track()
      response.end('ok')
    },
    'that goes on after its end': (track) => async (_request, response) => {
      response.end('ok')
      await sleep(20)
      await track()
    },
    'that writes in parts': (track) => async (_request, response) => {
      response.write('o')
      await track()
      response.end('k', 'utf8')
    },
    'that waits for its end': (track) => async (_request, response) => {
      await track()
      const finished = once(response, 'finish')
      response.end('ok')
      await finished
    },
    'that listens to its request': (track) => (request, response) => {
      request.resume().on('end', () => {
        void track()
        response.end('ok')
      })
    },
    'that listens to its request and answers first': (track) => (request, response) => {
      request.resume().on('end', () => {
        response.end('ok')
        void track()
      })
    },
    'that answers after it returned': (track) => (_request, response) => {
      setTimeout(() => {
        void track()
        response.end('ok')
      }, 20)
    },
  }

  it.each(Object.keys(shapes))('%s is answered first where a lifetime holds it', async (name) => {
    using provider = installProvider()
    const { plain, ingest } = openClients([late(50)])
    const request = provider.open()
    const handler = shapes[name]?.(() => plain.track('opened', { userId: 'user_1' })) as NodeHandler
    let returned: unknown
    const wrapped: NodeHandler = (...args) => {
      returned = request.run(() => withGFlux(plain, handler)(...args))
    }

    const { status, text, seen } = await ask(wrapped, () => ingest.stats.stored)
    await returned
    await request.end()

    expect({ status, text, seen, stored: ingest.stats.stored }).toEqual({
      status: 200,
      text: 'ok',
      seen: 0,
      stored: 1,
    })
  })

  it.each(Object.keys(shapes).filter((name) => !name.includes('after its end')))(
    '%s is answered after the flush where nothing does',
    async (name) => {
      using _env = setEnv({ VERCEL: '1' })
      const { plain, ingest } = openClients([late(50)])
      const handler = shapes[name]?.(() => plain.track('opened', { userId: 'user_1' })) as NodeHandler

      const { status, text, seen } = await ask(withGFlux(plain, handler), () => ingest.stats.stored)

      expect({ status, text, seen }).toEqual({ status: 200, text: 'ok', seen: 1 })
    },
  )

  it.each([
    ['a client', undefined],
    ['a client whose `waitUntil` is the adapter’s', vercelWaitUntil],
  ])('that listens to its request has its events held with it: %s', async (_title, waitUntil) => {
    using provider = installProvider()
    const ingest = createTestIngest()
    ingest.fail(late(50))
    const gflux = initGFluxNode({ token: TOKEN, fetch: ingest.fetch, waitUntil })
    const request = provider.open()
    const handler = withGFlux(gflux, (incoming: IncomingMessage, response: ServerResponse) => {
      incoming.resume().on('end', () => {
        void gflux.track('opened', { userId: 'user_1' })
        response.end('ok')
      })
    })

    await ask(
      (...args) => request.run(() => handler(...args)),
      () => 0,
    )
    await request.end()

    expect(ingest.stats.stored).toBe(1)
  })

  it('whose response does not end holds its request no longer than the deadline, and delivers', async () => {
    using provider = installProvider()
    const { plain, ingest } = openClients()
    const deadline = Date.now() + 2000
    const request = provider.open({ deadline })
    const response = { writableEnded: false, end: () => undefined, once: () => undefined }
    const handler = withGFlux(plain, (_request: object, _response: object) => {
      void plain.track('opened', { userId: 'user_1' })
    })

    request.run(() => handler({}, response))
    await request.end()
    const endedAt = Date.now()

    expect(ingest.stats.stored).toBe(1)
    expect(endedAt).toBeLessThan(deadline)
  })

  it('may be awaited before its response is ended', async () => {
    using _env = setEnv({ VERCEL: '1' })
    const { plain, ingest } = openClients()
    const middleware = withGFlux(plain, async (_request: object, _response: ServerResponse) => {
      await plain.track('opened', { userId: 'user_1' })
    })

    const { text, seen } = await ask(
      async (request, response) => {
        await middleware(request, response)
        response.end('ok')
      },
      () => ingest.stats.stored,
    )

    expect({ text, seen }).toEqual({ text: 'ok', seen: 1 })
  })

  it('returns what it returned', () => {
    using provider = installProvider()
    const { plain } = openClients()
    const response = { writableEnded: true, end: () => undefined, once: () => undefined }

    const result = provider
      .open()
      .run(() => withGFlux(plain, (_request: object, _response: object) => 'sync')({}, response))

    expect(result).toBe('sync')
  })
})
