import { describe, expect, it } from 'vitest'
import { withGFlux } from '../../../adapters/vercel/index.ts'
import { errorOf, untyped } from '../../support/client.ts'
import { openClients, setEnv } from './client.ts'

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
