import { describe, expect, it } from 'vitest'
import {
  anonymousIdFromCookie,
  initGFluxVercel,
  vercelContext,
  vercelWaitUntil,
  withGFlux,
} from '../../../adapters/vercel/index.ts'
import { createTestIngest } from '../../../ingest/index.ts'
import { initGFluxNode } from '../../../src/index.ts'
import { TOKEN } from '../../support/client.ts'
import { setEnv } from './client.ts'
import { installProvider } from './request-context.ts'

describe('vercelContext', () => {
  it('is asked at each event, and knows whose request it is', async () => {
    using provider = installProvider()
    using _env = setEnv({ VERCEL_REGION: 'iad1', VERCEL_DEPLOYMENT_ID: 'dpl_1' })
    const ingest = createTestIngest()
    const gflux = initGFluxVercel({
      token: TOKEN,
      fetch: ingest.fetch,
      defaultContext: () => vercelContext(),
    })
    for (const id of ['iad1::a', 'iad1::b']) {
      const request = provider.open({ headers: { 'x-vercel-id': id } })
      await request.run(() => gflux.track('opened', { userId: id }))
      await request.end()
    }

    const contexts = ingest.events.map(({ context }) => context)

    expect(contexts).toMatchObject([
      { region: 'iad1', deployment_id: 'dpl_1', vercel_id: 'iad1::a' },
      { region: 'iad1', deployment_id: 'dpl_1', vercel_id: 'iad1::b' },
    ])
  })

  it('takes the id from a request, and leaves out what there is not', () => {
    const request = new Request('https://example.com/', { headers: { 'X-Vercel-Id': 'iad1::c' } })

    expect(vercelContext(request)).toEqual({ vercel_id: 'iad1::c' })
    expect(vercelContext({ headers: { 'x-vercel-id': 'iad1::d' } })).toEqual({ vercel_id: 'iad1::d' })
    expect(vercelContext()).toEqual({})
  })
})

describe('anonymousIdFromCookie', () => {
  const cookie = 'theme=dark; gflux_id=anon%20%C3%A91; quoted="anon_2"; percent=100%; empty=; xgflux_id=no'
  const sources = {
    'a web request': new Request('https://example.com/', { headers: { cookie } }),
    'a Node request': { headers: { cookie } },
    'Express’s request': { headers: { cookie }, get: (name: string) => ({ cookie })[name] },
  }

  it.each(Object.entries(sources))('reads a cookie of %s', (_title, source) => {
    const read = (name: string) => anonymousIdFromCookie(source, name)

    expect(['gflux_id', 'quoted', 'percent', 'theme'].map(read)).toEqual([
      'anon é1',
      'anon_2',
      '100%',
      'dark',
    ])
    expect(['empty', 'id', 'flux_id', 'none'].map(read)).toEqual([undefined, undefined, undefined, undefined])
  })

  it('reads a cookie of what Next’s `cookies()` resolves to', () => {
    const store = { get: (name: string) => (name === 'gflux_id' ? { name, value: 'anon_1' } : undefined) }

    expect(anonymousIdFromCookie(store, 'gflux_id')).toBe('anon_1')
    expect(anonymousIdFromCookie(store, 'other')).toBeUndefined()
  })

  it('finds none where there are no cookies', () => {
    expect(anonymousIdFromCookie(new Request('https://example.com/'), 'gflux_id')).toBeUndefined()
    expect(anonymousIdFromCookie({ headers: {} }, 'gflux_id')).toBeUndefined()
    expect(anonymousIdFromCookie({}, 'gflux_id')).toBeUndefined()
    expect(anonymousIdFromCookie(undefined, 'gflux_id')).toBeUndefined()
    expect(anonymousIdFromCookie(null, 'gflux_id')).toBeUndefined()
  })

  it('throws nothing that a source throws', () => {
    const source = {
      get: () => {
        throw new Error('outside of a request')
      },
    }

    expect(anonymousIdFromCookie(source, 'gflux_id')).toBeUndefined()
  })
})

describe('during `next build`', () => {
  it.each([undefined, ''])('no token is needed: %j', (token) => {
    const init = () => initGFluxVercel({ token: token as string })

    expect(init).toThrow('token')
    using _env = setEnv({ NEXT_PHASE: 'phase-production-build' })
    expect(init).not.toThrow()
  })

  it.each(['initGFluxVercel', 'withGFlux'])(
    'nothing is emitted, however much is tracked: %s',
    async (kind) => {
      using _env = setEnv({ NEXT_PHASE: 'phase-production-build' })
      const ingest = createTestIngest()
      const config = { token: TOKEN, fetch: ingest.fetch, flushAt: 2, flushIntervalMs: 1 }
      const gflux =
        kind === 'withGFlux'
          ? initGFluxNode({ ...config, waitUntil: vercelWaitUntil })
          : initGFluxVercel(config)
      const page = async () => {
        for (let index = 0; index < 5; index++) await gflux.track('opened', { userId: 'user_1' })
        return 'page'
      }

      const rendered = await (kind === 'withGFlux' ? withGFlux(gflux, page) : page)()
      const { pending } = await gflux.flush()

      expect([rendered, pending, ingest.stats.requests]).toEqual(['page', 0, 0])
    },
  )
})
