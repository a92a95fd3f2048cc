import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, inject, it } from 'vitest'
import { createTestIngest } from '../../../ingest/index.ts'
import { findNodes } from '../../support/nodes.ts'
import { start } from '../../support/program.ts'
import { findRuntimes } from './runtimes.ts'

const core = pathToFileURL(join(inject('packageRoot'), 'dist/index.js')).href

/** The core is for any Node: also for the machine's own, where the others are not installed. */
const runtimes = new Map(
  [...(await findRuntimes()), ...findNodes()].map((runtime) => [runtime.name, runtime]),
)

describe.each([...runtimes.values()])('on $name', (runtime) => {
  const [product, version] = runtime.name.split(' ')

  it('everything the core does works while requests fail, and the process ends by itself', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    ingest.fail({ reset: 'after' })
    ingest.fail({ status: 503, retryAfter: 0 })
    ingest.fail({ body: 'truncated' })

    await using program = await start(
      runtime,
      `
      import { flushAfter, GFluxNodeError, initGFluxNode } from '${core}'
      const gflux = initGFluxNode({
        token: 'gflux_secret_x', apiHost: '${server.url}', includeRuntimeContext: true, flushIntervalMs: 60_000, maxRetries: 5,
      })
      const user = gflux.with({ userId: 'user_1', anonymousId: 'anon_1' })
      for (let index = 0; index < 120; index++) user.track('opened', { properties: { index, text: 'grüße 🎉' } })
      user.track('Not snake case').catch((error) => console.log(GFluxNodeError.is(error), error.code))
      await user.identify({ traits: { plan: 'pro' } })
      await gflux.flush()
      await gflux.alias({ userId: 'user_1', previousId: 'old_1' })
      await gflux.erase({ id: 'user_1', reason: 'internal' })
      console.log(await flushAfter(gflux, user.track('closed').then(() => 'handled')))
      const { accepted, pending } = await gflux.shutdown()
      console.log(accepted, pending, (await user.track('late').catch((error) => error)).code)`,
    )

    expect(await program.ended).toEqual({
      code: 0,
      signal: null,
      stdout: 'true validation_error\nhandled\n0 0 client_closed\n',
      stderr: '',
    })
    expect(ingest.stats).toMatchObject({ stored: 122, rejected: 0, duplicates: 0, keyConflicts: 0 })
    expect(ingest.stats.maxEventsPerRequest).toBeLessThanOrEqual(50)
    expect(ingest.events[0]?.context).toMatchObject({
      runtime: product?.toLowerCase(),
      node_version: product === 'Node' ? version : expect.any(String),
    })
    expect([ingest.aliases.length, ingest.erasures.length]).toEqual([1, 1])
  })

  it('an awaited flush is waited for while the API is down, and its failure crashes nothing', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    ingest.fail({ status: 503, every: 1 })

    await using program = await start(
      runtime,
      `
      import { initGFluxNode } from '${core}'
      const gflux = initGFluxNode({ token: 'gflux_secret_x', apiHost: '${server.url}', flushAt: 1 })
      void gflux.track('opened', { userId: 'user_1' })
      const error = await gflux.flush().catch((error) => error)
      console.log(error.code, error.result.pending)`,
    )

    expect(await program.ended).toMatchObject({ code: 0, stdout: 'http_5xx 1\n', stderr: '' })
  })

  it.each([
    ['an asyncDispose of the platform', ''],
    [
      'none, as in Node 18.0',
      `const { Symbol } = globalThis
      globalThis.Symbol = Object.setPrototypeOf((text) => Symbol(text), Symbol)
      Object.defineProperty(globalThis.Symbol, 'asyncDispose', { value: undefined })`,
    ],
  ])('a client can be disposed of with %s', async (_title, prepare) => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()

    await using program = await start(
      runtime,
      `
      ${prepare}
      const { initGFluxNode } = await import('${core}')
      const gflux = initGFluxNode({ token: 'gflux_secret_x', apiHost: '${server.url}' })
      await gflux.track('opened', { userId: 'user_1' })
      await gflux[globalThis.Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]()
      console.log((await gflux.track('opened').catch((error) => error)).code)`,
    )

    expect(await program.ended).toMatchObject({ code: 0, stdout: 'client_closed\n' })
    expect(ingest.stats.stored).toBe(1)
  })

  it('a key is made without globalThis.crypto, as in Node 18', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()

    await using program = await start(
      runtime,
      `
      Object.defineProperty(globalThis, 'crypto', { value: undefined })
      const { initGFluxNode } = await import('${core}')
      const gflux = initGFluxNode({ token: 'gflux_secret_x', apiHost: '${server.url}' })
      for (let index = 0; index < 3; index++) {
        await gflux.track('opened', { userId: 'user_1', properties: { index } })
        await gflux.flush()
      }`,
    )

    expect(await program.ended).toMatchObject({ code: 0, stderr: '' })
    const keys = ingest.requests.map(({ idempotencyKey }) => idempotencyKey)
    expect(new Set(keys).size).toBe(3)
    for (const key of keys)
      expect(key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
