import { build } from 'esbuild'
import { describe, expect, inject, it } from 'vitest'
import { createProject } from '../../support/project.ts'
import { startGFluxFunction, TESTED_RUNTIMES, TWO_BATCHES } from './gflux-function.ts'

const SOURCE = `
import { initGFluxNode } from '@getfluxly/node'
import { enableAfterResponseSync, withGFlux } from '@getfluxly/node/lambda'

const logger = { warn: (message: string, details: unknown) => console.log('warning: ' + message, details) }
const gflux = initGFluxNode({ token: 'gflux_secret_test', apiHost: process.env.INGEST_URL, flushAt: 1000, concurrency: 1, logger })
enableAfterResponseSync(gflux)
export const handler = withGFlux(gflux, async () => {
  for (let index = 0; index < ${TWO_BATCHES}; index++) gflux.track('opened', { userId: 'user_1', properties: { index } })
  return 'done'
})`

/** What someone deploys: TypeScript, bundled with the package into one CommonJS file. */
async function bundle(): Promise<string> {
  await using project = await createProject(inject('packageRoot'))
  await project.write('bundle.ts', SOURCE)
  const { outputFiles } = await build({
    absWorkingDir: project.folder,
    entryPoints: ['bundle.ts'],
    bundle: true,
    minify: true,
    keepNames: true,
    platform: 'node',
    target: 'node18',
    format: 'cjs',
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}

describe.each(TESTED_RUNTIMES)('a CommonJS bundle on %s', (runtime) => {
  it('answers before the flush, from its first invocation on', async () => {
    const files = { 'bundle.cjs': await bundle() }
    const options = { runtime, files, handler: 'bundle.handler', latencyMs: 200 }
    await using started = await startGFluxFunction('', options)
    const { environment, storedAtFreeze, warnings } = started

    const invocations = await environment.invokeMany([1, 2])

    for (const { response, respondedAt = Infinity, startedAt, frozenAt = 0 } of invocations) {
      expect(response?.json).toBe('done')
      expect(respondedAt - startedAt).toBeLessThan((frozenAt - startedAt) / 2)
    }
    expect(storedAtFreeze).toEqual([TWO_BATCHES, 2 * TWO_BATCHES])
    expect(warnings()).toEqual([])
  })

  it('runs beside another copy of the package: they share one extension', async () => {
    const files = { 'bundle.cjs': await bundle() }
    const source = `
      import bundle from './bundle.cjs'
      await enableAfterResponse(gflux)
      export const handler = withGFlux(gflux, (event, context) => { trackMany(); return bundle.handler(event, context) })`
    await using started = await startGFluxFunction(source, { runtime, files, latencyMs: 200 })
    const { environment, storedAtFreeze, warnings } = started

    const invocations = await environment.invokeMany([1, 2])

    for (const { respondedAt = Infinity, startedAt, frozenAt = 0 } of invocations)
      expect(respondedAt - startedAt).toBeLessThan((frozenAt - startedAt) / 2)
    expect(storedAtFreeze).toEqual([2 * TWO_BATCHES, 4 * TWO_BATCHES])
    expect(environment.log.filter(({ kind }) => kind === 'extension-register')).toHaveLength(1)
    expect(warnings()).toEqual([])
  })
})
