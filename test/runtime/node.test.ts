import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, inject, it } from 'vitest'
import { createTestIngest } from '../../ingest/index.ts'
import { runModule } from '../support/child.ts'
import { findNodes } from '../support/nodes.ts'

const core = pathToFileURL(join(inject('packageRoot'), 'dist/index.js')).href

describe.each(findNodes())('on $name', ({ name, program: node }) => {
  it('everything the client does works, and the process ends by itself', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    ingest.fail({ reset: 'after' })
    const source = `
      import { initGFluxNode } from ${JSON.stringify(core)}
      const gflux = initGFluxNode({ token: 'gflux_secret_x', apiHost: '${server.url}', includeRuntimeContext: true, flushIntervalMs: 60_000 })
      const user = gflux.with({ userId: 'user_1', anonymousId: 'anon_1' })
      for (let index = 0; index < 120; index++) user.track('opened', { properties: { index } })
      await user.identify({ traits: { plan: 'pro' } })
      await gflux.flush()
      await gflux.alias({ userId: 'user_1', previousId: 'old_1' })
      await gflux.erase({ id: 'user_1', reason: 'internal' })
      const { pending } = await gflux.shutdown()
      console.log(pending)`

    const { code, stdout, stderr } = await runModule(source, { node })

    expect(stderr).toBe('')
    expect(stdout).toBe('0\n')
    expect(code).toBe(0)
    expect(ingest.stats).toMatchObject({ stored: 121, rejected: 0, duplicates: 0, keyConflicts: 0 })
    expect(ingest.stats.maxEventsPerRequest).toBeLessThanOrEqual(50)
    expect(ingest.events[0]?.context).toMatchObject({
      runtime: 'node',
      node_version: name.slice('Node '.length),
    })
    expect([ingest.aliases.length, ingest.erasures.length]).toEqual([1, 1])
  })

  it.each([
    ['an asyncDispose of the platform', ''],
    ['none, as in Node 18.0', 'Object.defineProperty(Symbol, "asyncDispose", { value: undefined })'],
  ])('a client can be disposed of with %s', async (_title, prepare) => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    const source = `
      try { ${prepare} } catch {}
      const { initGFluxNode } = await import(${JSON.stringify(core)})
      const gflux = initGFluxNode({ token: 'gflux_secret_x', apiHost: '${server.url}' })
      await gflux.track('opened', { userId: 'user_1' })
      await gflux[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]()
      console.log((await gflux.track('opened').catch((error) => error)).code)`

    const { stdout } = await runModule(source, { node })

    expect(stdout).toBe('client_closed\n')
    expect(ingest.stats.stored).toBe(1)
  })

  it('a key is made without globalThis.crypto, as in Node 18', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    const source = `
      Object.defineProperty(globalThis, 'crypto', { value: undefined })
      const { initGFluxNode } = await import(${JSON.stringify(core)})
      const gflux = initGFluxNode({ token: 'gflux_secret_x', apiHost: '${server.url}' })
      for (let index = 0; index < 3; index++) {
        await gflux.track('opened', { userId: 'user_1', properties: { index } })
        await gflux.flush()
      }`

    const { code } = await runModule(source, { node })

    const keys = ingest.requests.map(({ idempotencyKey }) => idempotencyKey)
    expect(code).toBe(0)
    expect(new Set(keys).size).toBe(3)
    for (const key of keys)
      expect(key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
