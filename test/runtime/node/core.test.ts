import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, inject, it } from 'vitest'
import { createTestIngest } from '../../../ingest/index.ts'
import { start } from '../../support/program.ts'
import { findRuntimes } from './runtimes.ts'

const core = pathToFileURL(join(inject('packageRoot'), 'dist/index.js')).href

describe.each(await findRuntimes())('on $name', (runtime) => {
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
    expect(ingest.events[0]?.context?.['runtime']).toBe(runtime.name.split(' ')[0]?.toLowerCase())
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
})
