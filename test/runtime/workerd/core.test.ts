import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { compatibilityDates, crossTalk, openWorkerd, until, type Workerd } from '../../support/workerd.ts'

const packageRoot = inject('packageRoot')

it('takes the default `apiHost` where a URL without a path has none, as before 2022-10-31', async () => {
  const script = `
    import { initGFluxNode } from './dist/index.js'
    const gflux = initGFluxNode({ token: 'gflux_secret_x' })
    export default {
      async fetch() {
        gflux.track('started', { userId: 'user_1' })
        return Response.json(await gflux.flush())
      },
    }`
  await using worker = await openWorkerd({ packageRoot, script, compatibilityDate: '2022-10-30' })

  expect(JSON.parse(await worker.get())).toMatchObject({ accepted: 1 })
})

describe.each(compatibilityDates)('in workerd as of %s', (compatibilityDate) => {
  it.each([
    ['flushAt 20', 20],
    ['flushAt 1', 1],
  ])('an event of global scope goes out with the first request that flushes: %s', async (_title, flushAt) => {
    const script = `
      import { initGFluxNode } from './dist/index.js'
      const gflux = initGFluxNode({ token: 'gflux_secret_x', flushAt: ${flushAt} })
      const tracked = gflux.track('started', { userId: 'user_1' })
      export default {
        async fetch() {
          return Response.json([await tracked, await gflux.flush()])
        },
      }`
    await using worker = await openWorkerd({ packageRoot, script, compatibilityDate })

    const [tracked, flushed] = JSON.parse(await worker.get())

    expect(tracked?.accepted ?? 0).toBe(0)
    expect(flushed).toMatchObject({ accepted: 1, rejected: 0, pending: 0 })
    expect(worker.ingest.events).toMatchObject([{ event: 'started', context: { runtime: 'workerd' } }])
    expect(worker.output.join('')).not.toMatch(crossTalk)
  })

  it.each([
    ['its client has no waitUntil', ''],
    ['its client’s waitUntil refuses what is of no request', ', waitUntil'],
  ])(
    'an event of global scope goes out with the first request of a wrapped handler: %s',
    async (_title, option) => {
      const script = `
      import { waitUntil } from 'cloudflare:workers'
      import { initGFluxNode } from './dist/index.js'
      import { withGFlux } from './dist/cloudflare.js'
      const gflux = initGFluxNode({ token: 'gflux_secret_x'${option} })
      gflux.track('started', { userId: 'user_1' })
      export default withGFlux(gflux, { fetch: async () => new Response('ok') })`
      await using worker = await openWorkerd({ packageRoot, script, compatibilityDate })

      await worker.get()
      await until(() => worker.ingest.stats.stored === 1)

      expect(worker.output.join('')).not.toMatch(crossTalk)
    },
  )

  describe('sends', () => {
    const script = `
      import { waitUntil } from 'cloudflare:workers'
      import { initGFluxNode } from './dist/index.js'
      const ways = (env, ctx) => ({
        'the bare global': {},
        'a function': { fetch },
        'a function of one’s own': { fetch: (url, init) => fetch(url, init) },
        'a service binding': { fetch: env.INGEST },
        'a bound function': { fetch: env.INGEST.fetch.bind(env.INGEST) },
        'a bound waitUntil': { waitUntil: ctx.waitUntil.bind(ctx) },
        'a waitUntil that is a method’s call': { waitUntil: (promise) => ctx.waitUntil(promise) },
        'the imported waitUntil': { waitUntil },
      })
      export default {
        async fetch(request, env, ctx) {
          const way = ways(env, ctx)[new URL(request.url).searchParams.get('way')]
          const gflux = initGFluxNode({ token: 'gflux_secret_x', maxRetries: 0, ...way })
          await gflux.track('opened', { userId: 'user_1' })
          await gflux.alias({ userId: 'user_1', anonymousId: 'anon_1' })
          if (way.waitUntil) return Response.json({ accepted: 1, pending: 0 })
          return Response.json(await gflux.flush().catch(({ code, status }) => ({ code, status })))
        },
      }`
    let worker: Workerd
    const send = async (way: string): Promise<unknown> =>
      JSON.parse(await worker.get(`/?way=${encodeURIComponent(way)}`))
    beforeAll(async () => {
      worker = await openWorkerd({ packageRoot, script, compatibilityDate })
    })
    beforeEach(() => worker.ingest.reset())
    afterAll(() => worker[Symbol.asyncDispose]())

    it.each([
      'the bare global',
      'a function',
      'a function of one’s own',
      'a service binding',
      'a bound function',
      'a bound waitUntil',
      'a waitUntil that is a method’s call',
      'the imported waitUntil',
    ])('by way of %s', async (way) => {
      const first = await send(way)
      const second = await send(way)
      await until(() => worker.ingest.stats.stored === 2)

      expect(first).toMatchObject({ accepted: 1, pending: 0 })
      expect(second).toMatchObject({ accepted: 1, pending: 0 })
      expect(worker.ingest.stats.requests).toBe(4)
      expect(worker.output.join('')).not.toMatch(crossTalk)
    })

    it('and does not follow a redirect', async () => {
      worker.ingest.fail({ redirect: 'https://elsewhere.example.com/', path: '/v1/events/batch' })

      const failed = await send('the bare global')

      expect(failed).toEqual({ code: 'invalid_response', status: 307 })
      expect(worker.ingest.requests.map(({ path }) => path)).toEqual([
        '/v1/identify/alias',
        '/v1/events/batch',
      ])
    })
  })
})

describe('this harness', () => {
  it('sees what the runtime complains about', async () => {
    const script = `
      let controller
      export default {
        async fetch() {
          controller ??= new AbortController()
          return await fetch('https://api.getfluxly.com/', { signal: controller.signal }).catch((error) => {
            console.error(error)
            return new Response('failed')
          })
        },
      }`
    await using worker = await openWorkerd({ packageRoot, script })

    await worker.get()
    const second = await worker.get()
    await until(() => worker.output.length > 0)

    expect(second).toBe('failed')
    expect(worker.output.join('')).toMatch(crossTalk)
  })
})

/** One client for all requests; each tracks two events, and the path says how it behaves besides. */
const sharedClient = `
  import { waitUntil } from 'cloudflare:workers'
  import { initGFluxNode } from './dist/index.js'
  const gflux = initGFluxNode({ token: 'gflux_secret_x', concurrency: 2, waitUntil, maxRetries: 5 })
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  export default {
    async fetch(request) {
      const { pathname } = new URL(request.url)
      const [, kind, id] = pathname.split('/')
      const track = (n) => gflux.track('opened', { userId: 'user_1', properties: { id: id + '-' + n } })
      track(1)
      if (kind === 'slow') await sleep(30)
      await track(2)
      if (kind === 'throw') throw new Error('on purpose')
      if (kind === 'hang') await new Promise(() => {})
      return new Response('ok')
    },
  }`

describe('a client that all requests of a worker share', () => {
  it('delivers every event once while one request in four fails', async () => {
    await using worker = await openWorkerd({ packageRoot, script: sharedClient })
    worker.ingest.fail({ status: 503, every: 4 })

    await Promise.all(
      Array.from({ length: 20 }, (_, id) => worker.get(`/${['plain', 'slow', 'throw'][id % 3]}/${id}`)),
    )
    await until(() => worker.ingest.stats.stored === 40)

    const { duplicates, keyConflicts, rejected } = worker.ingest.stats
    expect({ duplicates, keyConflicts, rejected }).toEqual({ duplicates: 0, keyConflicts: 0, rejected: 0 })
    expect(worker.output.join('')).not.toMatch(crossTalk)
  })

  it('delivers the others’ events where a request never ends, and that one’s too', async () => {
    await using worker = await openWorkerd({ packageRoot, script: sharedClient })

    const hanging = worker.get('/hang/0').catch(() => 'gave up')
    await Promise.all(Array.from({ length: 6 }, (_, id) => worker.get(`/plain/${id + 1}`)))
    await until(() => worker.ingest.stats.stored === 14)

    expect(worker.ingest.stats).toMatchObject({ duplicates: 0, keyConflicts: 0 })
    expect(worker.output.join('')).not.toMatch(crossTalk)
    void hanging
  })

  it('goes on where an ended request left its flush half done', async () => {
    const script = `
      import { initGFluxNode } from './dist/index.js'
      const gflux = initGFluxNode({ token: 'gflux_secret_x', timeoutMs: 300 })
      export default {
        async fetch(request) {
          const { pathname } = new URL(request.url)
          await gflux.track('opened', { userId: 'user_1', properties: { pathname } })
          const flushing = gflux.flush()
          if (pathname === '/leave') return new Response('left')
          return Response.json(await flushing)
        },
      }`
    await using worker = await openWorkerd({ packageRoot, script })
    worker.ingest.fail({ hang: true })

    await worker.get('/leave')
    const flushed = JSON.parse(await worker.get('/stay'))

    expect(flushed).toMatchObject({ accepted: 2, rejected: 0, pending: 0 })
    expect(worker.ingest.stats).toMatchObject({ stored: 2, duplicates: 0, keyConflicts: 0 })
    expect(worker.output.join('')).not.toMatch(crossTalk)
  })
})
