import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { createProject } from '../support/project.ts'

const source = `
import { initGFluxNode, GFluxNodeError, flushAfter, type FlushResult, type GFluxNode } from '@getfluxly/node'
import { createTestIngest } from '@getfluxly/node/testing'
import { withGFlux as withGFluxOnWorkers } from '@getfluxly/node/cloudflare'
import { expressGFlux, honoGFlux, initGFluxServer } from '@getfluxly/node/server'
import { startLambdaEnvironment } from '@getfluxly/node/testing/lambda'
import { enableAfterResponse, gfluxHandler, gfluxMiddleware, lambdaContext, withGFlux } from '@getfluxly/node/lambda'
import * as vercel from '@getfluxly/node/vercel'

const ingest = createTestIngest()
const gflux: GFluxNode = initGFluxNode({ token: 'gflux_secret_x', fetch: ingest.fetch })
const result: FlushResult | null = await gflux.track('opened', { userId: 'user_1', properties: { plan: 'pro' } })
await flushAfter(gflux, Promise.resolve(1))
type Events = { invoice_paid: { total_usd: number } }
declare global { namespace Express { interface GFluxEvents extends Events {} } }
declare const request: Express.Request
request.gflux.track('invoice_paid', { userId: 'user_1', properties: { total_usd: 1 } })
// @ts-expect-error an event that there is not
request.gflux.track('invoice_lost', { userId: 'user_1' })
const server = initGFluxServer<Events>({ token: 't', spool: './spool', maxSpoolBytes: 1e6 })
export const middleware = [honoGFlux(server, { cookie: 'device' }), expressGFlux(gflux)]
try {
  await gflux.flush({ timeoutMs: 1000, signal: new AbortController().signal })
} catch (error) {
  if (GFluxNodeError.is(error)) throw new Error(error.code + error.status + error.result?.pending)
}
export class Orders {
  @gfluxHandler(gflux)
  async handler(event: { id: string }) {
    return event.id
  }
}
await enableAfterResponse(gflux)
export const handler: (event: { id: string }) => Promise<string> = withGFlux(gflux, async ({ id }) => id)
export const { after } = gfluxMiddleware(gflux.with({ context: lambdaContext({ awsRequestId: 'id' }) }))
export const worker = withGFluxOnWorkers(gflux, { fetch: async () => new Response('ok') })
const environment = await startLambdaEnvironment({ taskRoot: 'dist', onFreeze: () => ingest.events.length })
export const { response, frozenAt } = await environment.invoke({ id: 'id' }, { timeoutMs: 1000 })
export const POST: (request: { url: string }) => Promise<string> = vercel.withGFlux(gflux, async ({ url }) => url)
const { vercelContext, vercelWaitUntil } = vercel
const onVercel: GFluxNode = vercel.initGFluxVercel({ token: 'gflux_secret_x', defaultContext: () => vercelContext() })
export const { fetch } = vercel.withGFlux(onVercel.with({ waitUntil: vercelWaitUntil }), {
  fetch: (cookie: string) => vercel.anonymousIdFromCookie({ headers: { cookie } }, 'id') ?? 'none',
})
export default result
`

const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  target: 'ES2022',
  module: 'ESNext',
  moduleResolution: 'Bundler',
  skipLibCheck: false,
  noEmit: true,
}

describe('the published types', () => {
  it.each<[title: string, options: object, packages: string[]]>([
    ['Node’s types', { lib: ['ES2022'], types: ['node'] }, ['@types/node', 'undici-types']],
    ['a browser’s types alone', { lib: ['ES2022', 'DOM'], types: [] }, []],
    ['a worker’s types alone', { lib: ['ES2022', 'WebWorker'], types: [] }, []],
    ['a browser’s types and disposables', { lib: ['ES2022', 'DOM', 'ESNext.Disposable'], types: [] }, []],
    [
      'the module resolution of older projects',
      { lib: ['ES2022', 'DOM'], types: [], moduleResolution: 'Node10', ignoreDeprecations: '6.0' },
      [],
    ],
    ['legacy decorators', { lib: ['ES2022', 'DOM'], types: [], experimentalDecorators: true }, []],
  ])('stand with %s', async (_title, options, packages) => {
    await using project = await createProject(inject('packageRoot'), packages)
    await project.write('index.ts', source)
    await project.write(
      'tsconfig.json',
      JSON.stringify({ compilerOptions: { ...strict, ...options }, include: ['index.ts'] }),
    )

    const { stdout, code } = await project.compile()

    expect(stdout).toBe('')
    expect(code).toBe(0)
  })

  it('stand with Workers’ types alone, on what is tested of them here', async () => {
    await using project = await createProject(inject('packageRoot'), ['@cloudflare/workers-types'])
    const folder = join(import.meta.dirname, '../types/cloudflare')
    for (const file of ['handlers.ts', 'classes.ts'])
      await project.write(file, await readFile(join(folder, file), 'utf8'))
    const options = { lib: ['ES2022'], types: ['@cloudflare/workers-types'] }
    await project.write('tsconfig.json', JSON.stringify({ compilerOptions: { ...strict, ...options } }))

    const { stdout, code } = await project.compile()

    expect(stdout).toBe('')
    expect(code).toBe(0)
  })
})
