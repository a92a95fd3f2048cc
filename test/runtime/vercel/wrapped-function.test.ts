import { describe, expect, it } from 'vitest'
import { withGFlux } from '../../../adapters/vercel/index.ts'
import { openClients, setEnv } from './client.ts'
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
