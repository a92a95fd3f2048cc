import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EdgeVM } from '@edge-runtime/vm'
import { build } from 'tsup'
import { describe, expect, inject, it } from 'vitest'
import { createTestIngest } from '../../ingest/index.ts'

const packageRoot = inject('packageRoot')

/** The built core as a script: the VM knows no modules. */
async function coreScript(): Promise<string> {
  const outDir = join(packageRoot, '../edge-vm')
  await build({
    config: false,
    entry: { core: join(packageRoot, 'dist/index.js') },
    format: 'iife',
    globalName: 'sdk',
    platform: 'neutral',
    target: 'es2022',
    outDir,
    silent: true,
  })
  return await readFile(join(outDir, 'core.global.js'), 'utf8')
}

describe('in Vercel’s edge VM', () => {
  it('there is neither process nor Buffer, and events arrive', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    const vm = new EdgeVM()
    vm.evaluate(`${await coreScript()}\nglobalThis.sdk = sdk`)

    const result = await vm.evaluate(`
      (async () => {
        const gflux = sdk.initGFluxNode({ token: 'gflux_secret_x', apiHost: '${server.url}', includeRuntimeContext: true })
        await gflux.track('opened', { userId: 'user_1', properties: { plan: 'pro', at: new Date(0) } })
        const flushed = await gflux.flush()
        const { alias } = await gflux.alias({ userId: 'user_1', anonymousId: 'anon_1' })
        return JSON.stringify([typeof process, typeof Buffer, flushed.accepted, alias.user_id])
      })()`)

    expect(JSON.parse(result)).toEqual(['undefined', 'undefined', 1, 'user_1'])
    expect(ingest.events).toMatchObject([
      { event: 'opened', properties: { plan: 'pro', at: '1970-01-01T00:00:00.000Z' } },
    ])
    expect(ingest.events[0]?.context).toEqual({
      library: expect.stringMatching(/^gflux-node\//),
      runtime: 'edge-light',
    })
  })

  it('what is no plain object is told from what is', async () => {
    const vm = new EdgeVM()
    vm.evaluate(`${await coreScript()}\nglobalThis.sdk = sdk`)

    const codes = await vm.evaluate(`
      (async () => {
        const gflux = sdk.initGFluxNode({ token: 'gflux_secret_x' })
        const track = (properties) => gflux.track('opened', { userId: 'user_1', properties }).catch((error) => error.code)
        return JSON.stringify([await track({ plan: 'pro' }), await track([1]), await track(new Map()), await track({ n: NaN })])
      })()`)

    expect(JSON.parse(codes)).toEqual([null, 'validation_error', 'validation_error', 'validation_error'])
  })
})
