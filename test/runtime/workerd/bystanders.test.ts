import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { openWorkerd, until, type Workerd } from '../../support/workerd.ts'

const script = `
  import { DurableObject, WorkflowEntrypoint } from 'cloudflare:workers'
  import { withGFlux } from './dist/cloudflare.js'
  import { initGFluxNode } from './dist/index.js'
  const client = initGFluxNode({ token: 'gflux_secret_x', maxRetries: 0 })

  class Room extends DurableObject {
    idle() { return 'idle' }
    track() { this.gflux.track('asked', { userId: this.ctx.id.name }); return 'tracked' }
    trackAside() { client.track('asked', { userId: 'user_1' }); return 'tracked' }
    async trackAndWork() {
      this.gflux.track('asked', { userId: 'user_1' })
      await scheduler.wait(1000)
      return 'worked'
    }
  }
  const WrappedRoom = withGFlux(client, Room)
  export { WrappedRoom as Room }

  const handlers = withGFlux(client, {
    async fetch(request, env, ctx, gflux) {
      if (request.url.endsWith('/shutdown')) return Response.json(await gflux.with({ userId: 'user_1' }).shutdown())
      gflux.track('asked', { userId: 'user_1' })
      return new Response('tracked')
    },
  })
  export default {
    async fetch(request, env, ctx) {
      const [, name, method] = new URL(request.url).pathname.split('/')
      if (name === 'abandon') {
        client.track('abandoned', { userId: 'user_1' })
        void client.flush() // nothing holds it
        return new Response('answered')
      }
      if (!method) return handlers.fetch(request, env, ctx)
      return new Response(await env.ROOM.get(env.ROOM.idFromName(name))[method]())
    },
  }`

describe('an invocation that tracks nothing', () => {
  let worker: Workerd
  beforeAll(async () => {
    worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      options: { durableObjects: { ROOM: { className: 'Room', useSQLite: true } } },
    })
  })
  afterAll(() => worker[Symbol.asyncDispose]())

  it.each([
    ['an object that flushes', '/a/track', 'tracked'],
    ['an object that has tracked and works on', '/a/trackAndWork', 'worked'],
    ['a request that is flushed after its response', '/', 'tracked'],
  ])('of an object waits for no other’s events: those of %s', async (_, path, answer) => {
    worker.ingest.reset()
    await worker.get('/b/idle')
    worker.ingest.fail({ delayMs: 1500, every: 1 })
    const ended: string[] = []

    const other = worker.get(path).then((text) => {
      if (path !== '/') ended.push(text)
      return text
    })
    await (path === '/' ? other : new Promise((resolve) => setTimeout(resolve, 200)))
    await until(() => path === '/a/trackAndWork' || worker.ingest.stats.requests === 1)
    ended.push(await worker.get('/b/idle'))
    const storedThen = worker.ingest.stats.stored
    await other

    expect(ended[0]).toBe('idle')
    expect(storedThen).toBe(0)
    expect(await other).toBe(answer)
    await until(() => worker.ingest.stats.stored === 1)
    expect(worker.ingest.stats.duplicates).toBe(0)
  })

  it('of an object sends what an earlier one had to leave', async () => {
    worker.ingest.reset()
    const recover = worker.ingest.fail({ status: 503, every: 1 })
    await worker.get('/a/trackAside')
    recover()

    await worker.get('/b/idle')

    expect(worker.ingest.stats.stored).toBe(1)
  })
})

describe('an invocation of an object that tracks', () => {
  it('waits for its own events alone, not for what a request has left in flight that is gone', async () => {
    await using worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      options: { durableObjects: { ROOM: { className: 'Room', useSQLite: true } } },
    })
    const recover = worker.ingest.fail({ hang: true, every: 1 })
    await worker.get('/abandon')
    await until(() => worker.ingest.stats.requests === 1)
    recover()

    const startedAt = Date.now()
    const answers = [await worker.get('/a/track'), await worker.get('/a/track'), await worker.get('/b/idle')]
    const tookMs = Date.now() - startedAt

    expect(answers).toEqual(['tracked', 'tracked', 'idle'])
    expect(worker.ingest.events.map(({ event }) => event)).toEqual(['asked', 'asked'])
    expect(tookMs).toBeLessThan(3000)
  })

  it('waits for its own events whoever sends them', async () => {
    await using worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      options: { durableObjects: { ROOM: { className: 'Room', useSQLite: true } } },
    })
    worker.ingest.fail({ delayMs: 300, every: 1 })
    const rooms = ['a', 'b', 'c', 'd']

    const areStored = await Promise.all(
      rooms.map(async (room) => {
        await worker.get(`/${room}/track`)
        return worker.ingest.events.some((event) => event.external_id === room)
      }),
    )

    expect(areStored).toEqual(rooms.map(() => true))
    expect(worker.ingest.stats.duplicates).toBe(0)
  })
})

describe('shutdown() in a handler', () => {
  it('flushes, and leaves the client to the requests after it', async () => {
    await using worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      options: { durableObjects: { ROOM: { className: 'Room', useSQLite: true } } },
    })
    await worker.get('/')

    expect(JSON.parse(await worker.get('/shutdown'))).toMatchObject({ pending: 0 })
    await worker.get('/')

    await until(() => worker.ingest.stats.stored === 2)
  })
})
