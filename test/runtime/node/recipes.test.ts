import { cp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { createTestIngest, type IngestServer } from '../../../ingest/index.ts'
import { ownNode } from '../../support/nodes.ts'
import { type Program, type Runtime, startFile } from '../../support/program.ts'
import { createProject, type TempProject } from '../../support/project.ts'
import { findRuntimes } from './runtimes.ts'

const recipes = resolve(import.meta.dirname, '../../../examples/recipes')
const platforms = ['@azure/functions', '@google-cloud/functions-framework']
const node: Runtime = { ...ownNode, args: ['--no-warnings'] }

const ingest = createTestIngest()
let server: IngestServer
let project: TempProject
let env: Record<string, string>

beforeAll(async () => {
  server = await ingest.listen()
  project = await createProject(inject('packageRoot'), platforms)
  await cp(recipes, project.folder, { recursive: true })
  env = { GFLUX_SERVER_TOKEN: 'gflux_secret_x', GFLUX_API_HOST: server.url, PORT: '0' }
})
afterAll(async () => {
  await server.close()
  await project[Symbol.asyncDispose]()
})
beforeEach(() => ingest.reset())

/** Runs a host of the recipe, which is what the platform does with it. */
async function host(source: string): Promise<Program> {
  return await startFile(node, await project.write('host.ts', source), { env })
}

async function outputOf(source: string): Promise<string> {
  await using program = await host(source)
  const { stdout, stderr } = await program.ended
  expect(stderr).toBe('')
  return stdout
}

function orders(): unknown[] {
  return ingest.events.map(({ properties }) => properties?.['order_id'])
}

/** What had left when the host would have frozen or ended the instance. */
const exit = 'process.exit()'

describe('the recipe for', () => {
  it('Netlify sends after the response, within waitUntil', async () => {
    const output = await outputOf(`
      import handler from './netlify.ts'
      const held: Promise<unknown>[] = []
      const { fetch } = globalThis
      const afterResponse = Promise.withResolvers<void>()
      globalThis.fetch = async (...request) => {
        await afterResponse.promise
        return fetch(...request)
      }
      const response = await handler(new Request('http://site/?id=1'), { waitUntil: (promise) => void held.push(promise) })
      console.log(await response.text())
      afterResponse.resolve()
      await Promise.all(held)
      ${exit}`)

    expect(output).toBe('{"orderId":"1"}\n')
    expect(orders()).toEqual(['1'])
  })

  it('Fastly sends after the response, within a waitUntil that is called at once', async () => {
    const output = await outputOf(`
      const { fetch } = globalThis
      globalThis.fetch = ((url: string, init: { backend: string }) =>
        fetch(url.replace('https://api.getfluxly.com', init.backend === 'gflux' ? process.env.GFLUX_API_HOST! : 'no'), init as RequestInit)) as typeof fetch
      let listener: any
      globalThis.addEventListener = ((_type: string, given: unknown) => { listener = given }) as never
      await import('./fastly.ts')
      const held: Promise<unknown>[] = []
      let answer: Promise<Response> | undefined
      let isOver = false
      listener({
        request: new Request('http://site/?id=2'),
        respondWith: (response: Promise<Response>) => { answer = response },
        waitUntil: (promise: Promise<unknown>) => { if (isOver) throw new Error('too late'); held.push(promise) },
      })
      isOver = true
      console.log(held.length, await (await answer!).text())
      await Promise.all(held)
      ${exit}`)

    expect(output).toBe('1 {"orderId":"2"}\n')
    expect(orders()).toEqual(['2'])
  })

  it('Deno Deploy sends before the response', async () => {
    const output = await outputOf(`
      import site from './deno-deploy.ts'
      console.log(await (await site.fetch(new Request('http://site/?id=3'))).text())
      ${exit}`)

    expect(output).toBe('{"orderId":"3"}\n')
    expect(orders()).toEqual(['3'])
  })

  it('all serve a burst of orders while the API is down: they share what an order does', async () => {
    ingest.fail({ status: 503, every: 1 })
    const output = await outputOf(`
      import site from './deno-deploy.ts'
      const requests = Array.from({ length: 30 }, () => site.fetch(new Request('http://site/?id=3')))
      const statuses = (await Promise.all(requests)).map(({ status }) => status)
      console.log([...new Set(statuses)])
      ${exit}`)

    expect(output).toBe('[ 200 ]\n')
  })

  it('Azure Functions sends in the hook that the host awaits', async () => {
    const output = await outputOf(`
      import Module from 'node:module'
      const handlers: Record<string, Function> = {}
      const hooks: Record<string, Function> = {}
      const host = {
        registerFunction: ({ name }: { name: string }, handler: Function) => { handlers[name] = handler },
        registerHook: (name: string, hook: Function) => { hooks[name] = hook },
        setProgrammingModel() {},
        log() {},
      }
      const loader = Module as unknown as { _load: Function }
      const load = loader._load
      loader._load = (name: string, ...rest: unknown[]) => name === '@azure/functions-core' ? host : load(name, ...rest)
      await import('./azure-functions.ts')
      const { jsonBody } = await handlers.order!({ query: new URLSearchParams('id=4') })
      await hooks.postInvocation!({ hookData: {}, invocationContext: {}, inputs: [], result: jsonBody, error: null })
      console.log(JSON.stringify(jsonBody))
      ${exit}`)

    expect(output).toBe('{"orderId":"4"}\n')
    expect(orders()).toEqual(['4'])
  })

  it('Cloud Run sends before the response', async () => {
    await using program = await startFile(node, join(project.folder, 'cloud-run.ts'), { env })
    const [, port] = await program.matches(/"port":(\d+)/)

    const answer = await (await fetch(`http://127.0.0.1:${port}/?id=5`)).text()
    program.child.kill('SIGKILL')

    expect(answer).toBe('{"orderId":"5"}')
    expect(orders()).toEqual(['5'])
  })

  it('Cloud Functions sends before the response, and before an event is over', async () => {
    const output = await outputOf(`
      import { getTestServer } from '@google-cloud/functions-framework/testing'
      await import('./cloud-functions.ts')
      const call = async (name: string, init?: RequestInit, path = '/?id=6') => {
        const server = getTestServer(name).listen(0)
        const response = await fetch('http://127.0.0.1:' + (server.address() as { port: number }).port + path, init)
        console.log(response.status, await response.text())
      }
      await call('order')
      const body = JSON.stringify({ specversion: '1.0', type: 'order', source: 'shop', id: 'e1', data: { id: '7' } })
      await call('order-event', { method: 'POST', headers: { 'content-type': 'application/cloudevents+json' }, body }, '/')
      ${exit}`)

    expect(output).toBe('200 {"orderId":"6"}\n204 \n')
    expect(orders()).toEqual(['6', '7'])
  })
})

const denos = (await findRuntimes()).filter(({ name }) => name.startsWith('Deno'))
for (const { name, program } of denos)
  it(`the recipe for Deno Deploy runs on ${name}`, async () => {
    const serve = { name: 'Deno', program, args: ['serve', '--allow-all', '--port', '0'] }
    await using deno = await startFile(serve, join(project.folder, 'deno-deploy.ts'), {
      env,
      cwd: project.folder,
    })
    const [, port] = await deno.matches(/:(\d+)\//)

    const answer = await (await fetch(`http://127.0.0.1:${port}/?id=8`)).text()

    expect(answer).toBe('{"orderId":"8"}')
    expect(orders()).toEqual(['8'])
  })
