import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { openWorkerd, until, type Workerd } from '../../support/workerd.ts'

const script = `
  import { WorkerEntrypoint } from 'cloudflare:workers'
  import { cloudflareContext, withGFlux } from './dist/cloudflare.js'
  const logged = []
  const config = (env) => ({
    token: 'gflux_secret_x',
    fetch: env.INGEST,
    defaultContext: { service: 'shop' },
    logger: { warn: (message) => logged.push(message) },
  })
  const handlers = {
    async fetch(request, env, ctx, gflux) {
      if (request.url.endsWith('/logged')) return Response.json(logged)
      gflux.track('opened', { userId: 'user_1' })
      return new Response('ok')
    },
    scheduled: (controller, env, ctx, gflux) => gflux.track('ran', { userId: 'user_1' }),
  }
  export const broken = withGFlux(config, handlers, { context: () => { throw new Error('on purpose') } })
  export class Service extends withGFlux(config, class extends WorkerEntrypoint {
    fetch(request) {
      this.gflux.track('served', { userId: 'user_1' })
      return new Response('ok')
    }
  }, { context: cloudflareContext }) {}
  export default withGFlux(config, handlers, { context: cloudflareContext })`

describe('the context of an invocation', () => {
  let worker: Workerd
  const contexts = (): object[] =>
    worker.ingest.events.map(({ context }) => {
      const { library, runtime, ...rest } = context as Record<string, unknown>
      return rest
    })
  const request = { headers: { 'cf-ray': 'a1b2-FRA' }, cf: { colo: 'FRA' } }
  beforeAll(async () => {
    worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      options: {
        bindings: { CF_VERSION_METADATA: { id: 'v-1', tag: '', timestamp: '' } },
        serviceBindings: {},
        unsafeDirectSockets: [
          { host: '127.0.0.1', entrypoint: 'broken' },
          { host: '127.0.0.1', entrypoint: 'Service' },
        ],
      },
    })
  })
  beforeEach(() => worker.ingest.reset())
  afterAll(() => worker[Symbol.asyncDispose]())

  it('is that of the request, over the client’s', async () => {
    await worker.miniflare.dispatchFetch('http://worker/', request as never)
    await until(() => worker.ingest.stats.stored === 1)

    expect(contexts()).toEqual([{ service: 'shop', colo: 'FRA', ray_id: 'a1b2-FRA', script_version: 'v-1' }])
  })

  it('is the version alone where there is no request', async () => {
    await worker.scheduled()

    expect(contexts()).toEqual([{ service: 'shop', script_version: 'v-1' }])
  })

  it('is that of the request in a class as well', async () => {
    const { headers } = request
    await fetch(await worker.miniflare.unsafeGetDirectURL('worker', 'Service'), { headers })
    await until(() => worker.ingest.stats.stored === 1)

    expect(contexts()).toMatchObject([{ service: 'shop', ray_id: 'a1b2-FRA', script_version: 'v-1' }])
  })

  it('is left out where it can’t be had, and the handler runs all the same', async () => {
    const url = await worker.miniflare.unsafeGetDirectURL('worker', 'broken')
    const response = await fetch(url)
    await until(() => worker.ingest.stats.stored === 1)

    expect(response.status).toBe(200)
    expect(contexts()).toEqual([{ service: 'shop' }])
    expect(await worker.get('/logged')).toBe('["GFlux: `context` failed"]')
  })
})
