import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { compatibilityDates, openWorkerd, until, type Workerd } from '../../support/workerd.ts'

/** Wrapped classes as tools and frameworks treat them: extended, read by their prototype, wrapped again. */
const script = `
  import { DurableObject, WorkerEntrypoint, WorkflowEntrypoint } from 'cloudflare:workers'
  import { cloudflareContext, withGFlux } from './dist/cloudflare.js'
  const config = (env) => ({ token: 'gflux_secret_x', fetch: env.INGEST, timeoutMs: 1000 })

  class Main extends WorkerEntrypoint {
    #greeting = 'hello'
    #limit = 1
    static kind = 'main'
    get limit() { return this.#limit }
    set limit(value) { this.#limit = value }
    greet(name) {
      this.gflux.track('greeted', { userId: 'user_1' })
      return this.greeting() + ' ' + name
    }
    greeting() { return this.#greeting }
    fetch(request) {
      this.gflux.track('fetched', { userId: 'user_1' })
      return new Response(this.#greeting)
    }
  }
  const WrappedMain = withGFlux(config, Main, { context: cloudflareContext })

  // As wrangler dev does with every default export.
  export default class Facade extends WrappedMain {
    #dispatch = (request) => {
      this.env = { ...this.env }
      return super.fetch(request)
    }
    fetch(request) { return request.url.endsWith('/tools') ? readByTools(this) : this.#dispatch(request) }
  }

  // As Cloudflare's Vite plugin and its plugin for vitest do.
  async function readByTools({ ctx, env }) {
    const instance = new WrappedMain(ctx, env)
    const read = (name) => Reflect.get(WrappedMain.prototype, name, instance)
    const limits = [read('limit'), (instance.limit = 2), instance.limit]
    const results = [await read('greet').bind(instance)('Ada'), await read('greet').call(instance, 'Bob')]
    return Response.json({ limits, results, kind: WrappedMain.kind, missing: Reflect.has(WrappedMain.prototype, 'none'),
      is: [WrappedMain, Main, WorkerEntrypoint].map((kind) => instance instanceof kind) })
  }

  // A framework's base class, which calls what its users override, and knows methods by their identity.
  const callable = new WeakSet()
  class Server extends DurableObject {
    #sockets = ['a', 'b']
    sockets() { return this.#sockets }
    async fetch(request) {
      const name = new URL(request.url).pathname.slice(1)
      if (!callable.has(this[name])) return new Response('not callable')
      return Response.json(await this[name]())
    }
  }
  const define = (Base) => class extends Base {
    #visits = 0
    names = []
    visit() {
      this.gflux.track('visited', { userId: 'user_1' })
      for (const name of this.sockets()) this.names.push(name)
      return [++this.#visits, ...this.names]
    }
    constructor(ctx, env) {
      super(ctx, env)
      callable.add(this.visit)
    }
  }
  const Room = define(Server)
  export const WrappedRoom = withGFlux(config, Room)
  export const ExtendingRoom = define(withGFlux(config, Server))
  export const StoredRoom = define(withGFlux(config, Server, { durableQueue: true }))
  export const TwiceWrapped = withGFlux(config, withGFlux(config, Room))
  // As an error tracker does, on either side.
  const instrumented = (Class) => new Proxy(Class, {
    construct(target, args, newTarget) {
      const instance = Reflect.construct(target, args, newTarget)
      const { fetch } = instance
      instance.fetch = (...args) => fetch.apply(instance, args)
      return instance
    },
  })
  export const Tracked = instrumented(withGFlux(config, instrumented(Room)))

  class Flow extends withGFlux(config, WorkflowEntrypoint) {
    #name = 'Ada'
    async run(event, step) {
      await step.do('greet', async () => { this.gflux.track('greeted', { userId: 'user_1' }) })
      return [this.#name, await step.do('look', async () => (await this.env.STORED.fetch('http://stored/')).text())]
    }
  }
  export { Flow }

  export const caller = {
    async fetch(request, env) {
      const [, name, method] = new URL(request.url).pathname.split('/')
      if (name === 'main') return Response.json(await env.MAIN.greet('Ada'))
      if (name === 'flow') {
        const flow = await env.FLOW.create()
        for (;;) {
          const { status, output, error } = await flow.status()
          if (output ?? error) return Response.json(output ?? error)
          await scheduler.wait(20)
        }
      }
      const object = env[name].get(env[name].idFromName('a'))
      if (method === 'rpc') return Response.json(await object.visit())
      return object.fetch('http://room/visit')
    },
  }`

const roomNames = ['WrappedRoom', 'ExtendingRoom', 'StoredRoom', 'TwiceWrapped', 'Tracked']

describe.each(compatibilityDates)('a wrapped class in workerd as of %s', (compatibilityDate) => {
  let worker: Workerd
  let caller: URL
  const call = async (path: string): Promise<unknown> => (await fetch(new URL(path, caller))).json()
  const names = (): string[] => worker.ingest.events.map(({ event }) => event)
  beforeAll(async () => {
    worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      compatibilityDate,
      options: {
        durableObjects: Object.fromEntries(
          roomNames.map((name) => [name, { className: name, useSQLite: true }]),
        ),
        workflows: { FLOW: { name: 'flow', className: 'Flow' } },
        serviceBindings: {
          MAIN: { name: 'worker' },
          STORED: () => new Response(String(worker.ingest.stats.stored)),
        },
        unsafeDirectSockets: [{ host: '127.0.0.1', entrypoint: 'caller' }],
      },
    })
    caller = await worker.miniflare.unsafeGetDirectURL('worker', 'caller')
  })
  beforeEach(() => worker.ingest.reset())
  afterAll(() => worker[Symbol.asyncDispose]())

  it('answers and delivers where a class with private fields extends it', async () => {
    const headers = { 'cf-ray': 'a1b2-FRA' }
    const response = await worker.miniflare.dispatchFetch('http://worker/', { headers })
    const results = [response.status, await response.text(), await call('/main')]
    await until(() => worker.ingest.stats.stored === 2)

    expect(results).toEqual([200, 'hello', 'hello Ada'])
    expect(names().sort()).toEqual(['fetched', 'greeted'])
    expect(worker.ingest.events.find(({ event }) => event === 'fetched')).toMatchObject({
      context: { ray_id: 'a1b2-FRA' },
    })
  })

  it('has its methods, getters and setters where a tool reads them by the prototype', async () => {
    const read = JSON.parse(await worker.get('/tools'))
    await until(() => worker.ingest.stats.stored === 2)

    expect(read).toEqual({
      limits: [1, 2, 2],
      results: ['hello Ada', 'hello Bob'],
      kind: 'main',
      missing: false,
      is: [true, true, true],
    })
  })

  it.each(roomNames)('is to its own code what it is without us, by fetch and by RPC: %s', async (name) => {
    const first = await call(`/${name}/fetch`)
    const storedThen = worker.ingest.stats.stored
    const second = await call(`/${name}/rpc`)
    await until(() => worker.ingest.stats.stored === 2)

    expect(first).toEqual([1, 'a', 'b'])
    expect(second).toEqual([2, 'a', 'b', 'a', 'b'])
    expect(storedThen).toBe(name === 'StoredRoom' ? 0 : 1)
  })

  it('may be a Workflow that another class extends', async () => {
    expect(await call('/flow')).toEqual(['Ada', '1'])
  })
})
