import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { openWorkerd, until, type Workerd } from '../../support/workerd.ts'

/** The same classes, plain and wrapped: who calls them must see no difference. */
const script = `
  import { DurableObject, RpcStub, RpcTarget, WorkerEntrypoint, WorkflowEntrypoint, exports } from 'cloudflare:workers'
  import { withGFlux } from './dist/cloudflare.js'
  const config = (env) => ({ token: 'gflux_secret_x', fetch: exports.Ingest, timeoutMs: 1000 })
  const within = (work, ms) => Promise.race([work, scheduler.wait(ms).then(() => 'hangs')])

  class Counter extends RpcTarget { add(n) { return 40 + n } }
  export class Ingest extends WorkerEntrypoint {
    fetch(request) { return this.env.INGEST.fetch(request) }
  }
  export class Other extends WorkerEntrypoint { ping() { return 'pong' } }

  const getters = (Base) => class extends Base {
    get stub() { return new RpcStub(new Counter()) }
    get functionStub() { return new RpcStub((n) => n * 3) }
    get loopback() { return exports.Other }
    get binding() { return this.env.OTHER }
    get plain() { return (n) => n + 1 }
    track() { this.gflux?.track('asked', { userId: 'user_1' }) }
  }
  class Flow extends WorkflowEntrypoint {
    async run(event, step) {
      const prepare = async () => step
      return [typeof step.then, (await within(prepare(), 1000)) === step, typeof step.do, step.constructor.name,
        await step.do('one', async () => 1)]
    }
  }
  class Frozen extends WorkerEntrypoint {
    constructor(...args) { super(...args); Object.freeze(this) }
    fetch() { return new Response('frozen') }
  }
  const Service = getters(WorkerEntrypoint), Room = getters(DurableObject), Stored = class extends Room {}
  const [WrappedService, WrappedRoom, WrappedFlow, WrappedFrozen] =
    [Service, Room, Flow, Frozen].map((plain) => withGFlux(config, plain))
  const WrappedStored = withGFlux(config, Stored, { durableQueue: true })
  export { Service, WrappedService, Room, WrappedRoom, Stored, WrappedStored, Flow, WrappedFlow, Frozen, WrappedFrozen }

  const calls = {
    stub: (target) => target.stub.add(2),
    functionStub: (target) => target.functionStub(2),
    loopback: (target) => target.loopback.ping(),
    binding: (target) => target.binding.ping(),
    plain: (target) => target.plain(2),
    track: (target) => target.track(),
  }
  export default {
    async fetch(request, env) {
      const [, kind, name] = new URL(request.url).pathname.split('/')
      const binding = env[kind]
      if (name === 'fetch') return binding.fetch(request)
      if (name === 'run') {
        const flow = await binding.create()
        for (;;) {
          const { status, output, error } = await flow.status()
          if (output ?? error) return Response.json(output ?? error)
          await scheduler.wait(20)
        }
      }
      const target = kind.endsWith('Service') ? binding : binding.get(binding.idFromName('a'))
      try {
        return Response.json((await calls[name](target)) ?? null)
      } catch (error) {
        return Response.json(String(error))
      }
    },
  }`

const classNames = ['Service', 'Room', 'Stored', 'Frozen', 'Flow']

describe('what a class gives out', () => {
  let worker: Workerd
  const call = async (path: string): Promise<unknown> => JSON.parse(await worker.get(path))
  beforeAll(async () => {
    const all = [...classNames, ...classNames.map((name) => `Wrapped${name}`)]
    const those = (pattern: RegExp): string[] => all.filter((name) => pattern.test(name))
    const entrypoint = (name: string): object => ({ name: 'worker', entrypoint: name })
    worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      options: {
        durableObjects: Object.fromEntries(
          those(/Room|Stored/).map((name) => [name, { className: name, useSQLite: true }]),
        ),
        workflows: Object.fromEntries(those(/Flow/).map((name) => [name, { name, className: name }])),
        serviceBindings: {
          OTHER: entrypoint('Other'),
          ...Object.fromEntries(those(/Service|Frozen/).map((name) => [name, entrypoint(name)])),
        },
      },
    })
  })
  afterAll(() => worker[Symbol.asyncDispose]())

  it.each(
    ['Service', 'Room', 'Stored'].flatMap((name) =>
      [
        ['stub', 42],
        ['functionStub', 6],
        ['loopback', 'pong'],
        ['binding', 'pong'],
        ['plain', 3],
      ].map(([getter, result]) => [name, getter, result]),
    ),
  )('of %s, its %s, is what it is without us', async (name, getter, result) => {
    const plain = await call(`/${name}/${getter}`)

    const wrapped = await call(`/Wrapped${name}/${getter}`)

    expect([plain, wrapped]).toEqual([result, result])
  })

  it('lets a Workflow return its step from a function, and await it', async () => {
    const plain = await call('/Flow/run')

    const wrapped = await call('/WrappedFlow/run')

    expect(plain).toEqual(['undefined', true, 'function', expect.any(String), 1])
    expect(wrapped).toEqual(plain)
  })

  it('works where its constructor froze it', async () => {
    expect(await worker.get('/WrappedFrozen/fetch')).toBe('frozen')
  })

  it('is delivered by way of a loopback binding', async () => {
    await call('/WrappedService/track')

    await until(() => worker.ingest.stats.stored === 1)
  })
})
