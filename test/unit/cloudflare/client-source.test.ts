import { expect, it } from 'vitest'
import { withGFlux } from '../../../adapters/cloudflare/index.ts'
import { createTestIngest } from '../../../ingest/index.ts'
import { deliveryOf } from '../../../src/adapter.ts'
import { type GFluxNode, initGFluxNode } from '../../../src/index.ts'
import { untyped } from '../../support/client.ts'

interface Env {
  readonly token: string
  readonly fetch: ReturnType<typeof createTestIngest>['fetch']
}

/** Another object at each call, as Sentry and OpenTelemetry make it of the runtime's. */
const wrapped = (env: Env): Env => new Proxy(env, {})

const factories = {
  'a configuration': (env: Env) => ({ ...env, maxRetries: 0 }),
  'a client': (env: Env) => initGFluxNode({ ...env, maxRetries: 0 }),
}

it.each(Object.entries(factories))(
  'an isolate has one client where each request comes with another `env`, of %s',
  async (_, factory) => {
    const ingest = createTestIngest()
    const recover = ingest.fail({ status: 503, every: 1 })
    const env = { token: 'gflux_secret_x', fetch: ingest.fetch }
    const worker = withGFlux(factory, {
      scheduled: (_controller, _env, _ctx, gflux) => gflux.track('ran', { userId: 'user_1' }),
    })
    const run = (): Promise<void> => worker.scheduled(untyped({}), wrapped(env), untyped(undefined))

    for (let n = 0; n < 5; n++) await run()
    const { requests } = ingest.stats
    recover()
    await new Promise((resolve) => setTimeout(resolve, 4_500))
    await run()

    expect(requests).toBeLessThan(4)
    expect(ingest.stats).toMatchObject({ stored: 6, keyConflicts: 0 })
  },
)

it('a client that was closed is given to no other `env`', async () => {
  const ingest = createTestIngest()
  const env = { token: 'gflux_secret_x', fetch: ingest.fetch }
  const made: GFluxNode[] = []
  const worker = withGFlux(
    (each: Env) => {
      const gflux = initGFluxNode(each)
      made.push(gflux)
      return gflux
    },
    { scheduled: (_controller, _env, _ctx, gflux) => gflux.track('ran', { userId: 'user_1' }) },
  )

  await worker.scheduled(untyped({}), env, untyped(undefined))
  await made[0]?.shutdown()
  await worker.scheduled(untyped({}), wrapped(env), untyped(undefined))

  expect(ingest.stats.stored).toBe(2)
})

it.each([{ token: 'gflux_secret_y' }, { fetch: createTestIngest().fetch }])(
  'what goes out with another key, or another way, has a client of its own: %o',
  async (other) => {
    const clients = new Set<unknown>()
    const seen = (gflux: GFluxNode): unknown => clients.add(deliveryOf(gflux))
    const worker = withGFlux((env: Env) => env, {
      scheduled: (_controller, _env, _ctx, gflux) => seen(gflux),
    })
    const env = { token: 'gflux_secret_x', fetch: createTestIngest().fetch }

    for (const each of [env, wrapped(env), { ...env, ...other }])
      await worker.scheduled(untyped({}), each, untyped(undefined))

    expect(clients.size).toBe(2)
  },
)
