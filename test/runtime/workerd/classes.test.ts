import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { compatibilityDates, crossTalk, openWorkerd, until, type Workerd } from '../../support/workerd.ts'

const script = `
  import { DurableObject, WorkerEntrypoint, WorkflowEntrypoint } from 'cloudflare:workers'
  import { withGFlux } from './dist/cloudflare.js'
  const config = (env) => ({ token: 'gflux_secret_x', fetch: env.INGEST, timeoutMs: 1000 })
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

  class Service extends WorkerEntrypoint {
    #count = 40
    secret = 'own'
    static kind = 'service'
    add(n) {
      this.gflux.track('added', { userId: 'user_1' })
      return this.#plus(n) + this.one()
    }
    one() { return 1 }
    #plus(n) { return this.#count + n }
    async later() {
      this.ctx.waitUntil(sleep(40).then(() => this.gflux.track('came_later', { userId: 'user_1' })))
    }
    fail() {
      this.gflux.track('failed', { userId: 'user_1' })
      throw new TypeError('on purpose')
    }
    fetch(request) {
      this.gflux.track('fetched', { userId: 'user_1' })
      return new Response('entry ' + this.one())
    }
  }

  class Room extends DurableObject {
    #visits = 0
    visit() {
      this.gflux.track('visited', { userId: 'user_1' })
      return ++this.#visits
    }
    visitTwice() { return this.visit() + this.visit() } // both synchronous
    idle() { return 'idle' }
    async flush() { await this.gflux.flush() }
    afterwards() {
      setTimeout(() => this.gflux.track('came_later', { userId: 'user_1' }), 40)
    }
    async wake() { await this.ctx.storage.setAlarm(Date.now()) }
    alarm() { this.gflux.track('alarmed', { userId: 'user_1' }) }
    async fetch(request) {
      if (request.headers.get('upgrade') !== 'websocket') {
        await this.gflux.track('fetched', { userId: 'user_1' })
        return new Response('room')
      }
      const [client, server] = Object.values(new WebSocketPair())
      this.ctx.acceptWebSocket(server)
      return new Response(null, { status: 101, webSocket: client })
    }
    webSocketMessage(socket, message) {
      this.gflux.track('said', { userId: 'user_1', properties: { message } })
      socket.send('got ' + message)
    }
    webSocketClose(socket, code) {
      this.gflux.track('left', { userId: 'user_1', properties: { code } })
      socket.close(code)
    }
  }

  class Legacy {
    constructor(state) { this.state = state }
    fetch() {
      this.gflux.track('fetched', { userId: 'user_1' })
      return new Response('legacy')
    }
  }

  class Signup extends WorkflowEntrypoint {
    async run(event, step) {
      const name = await step.do('greet', async () => {
        this.gflux.track('greeted', { userId: 'user_1' })
        return event.payload.name
      })
      await step.sleep('a moment', 10)
      const stored = await step.do('look', { retries: { limit: 1, delay: 1 } }, async () =>
        (await this.env.STORED.fetch('http://stored/')).text())
      this.gflux.track('signed_up', { userId: 'user_1' })
      return [name, stored]
    }
  }

  const wrapped = { Service: withGFlux(config, Service), Room: withGFlux(config, Room),
    Legacy: withGFlux(config, Legacy), Signup: withGFlux(config, Signup) }
  const { Service: WrappedService, Room: WrappedRoom, Legacy: WrappedLegacy, Signup: WrappedSignup } = wrapped
  export { WrappedService as Service, WrappedRoom as Room, WrappedLegacy as Legacy, WrappedSignup as Signup }

  export default {
    async fetch(request, env) {
      const [, kind, method] = new URL(request.url).pathname.split('/')
      const object = (name) => env[name].get(env[name].idFromName('a'))
      const call = async (target) => {
        try {
          return Response.json((await target[method](2)) ?? null)
        } catch (error) {
          return Response.json(String(error))
        }
      }
      if (kind === 'service') return method === 'fetch' ? env.SERVICE.fetch(request) : call(env.SERVICE)
      if (kind === 'room') return method === 'fetch' ? object('ROOM').fetch(request) : call(object('ROOM'))
      if (kind === 'classes')
        return Response.json([...Object.values(wrapped).map(({ name }) => name), wrapped.Service.kind])
      if (kind === 'legacy') return object('LEGACY').fetch(request)
      const flow = await env.SIGNUP.create({ params: { name: 'Ada' } })
      for (;;) {
        const status = await flow.status()
        if (!['queued', 'running', 'waiting'].includes(status.status)) return Response.json(status)
        await sleep(20)
      }
    },
  }`

describe.each(compatibilityDates)('classes in workerd as of %s', (compatibilityDate) => {
  let worker: Workerd
  const names = (): string[] => worker.ingest.events.map(({ event }) => event)
  const call = async (path: string): Promise<unknown> => JSON.parse(await worker.get(path))
  beforeAll(async () => {
    worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      compatibilityDate,
      options: {
        durableObjects: { ROOM: { className: 'Room', useSQLite: true }, LEGACY: 'Legacy' },
        workflows: { SIGNUP: { name: 'signup', className: 'Signup' } },
        serviceBindings: {
          SERVICE: { name: 'worker', entrypoint: 'Service' },
          STORED: () => new Response(String(worker.ingest.stats.stored)),
        },
      },
    })
  })
  beforeEach(() => worker.ingest.reset())
  afterAll(() => worker[Symbol.asyncDispose]())

  describe('an entrypoint', () => {
    it('delivers what its methods track, and returns what they return', async () => {
      const results = [await call('/service/add'), await worker.get('/service/fetch')]
      await until(() => worker.ingest.stats.stored === 2)

      expect(results).toEqual([43, 'entry 1'])
      expect(names().sort()).toEqual(['added', 'fetched'])
    })

    it('delivers what it tracks after it returned', async () => {
      await call('/service/later')
      await until(() => worker.ingest.stats.stored === 1)

      expect(names()).toEqual(['came_later'])
    })

    it('passes its error on', async () => {
      expect(await call('/service/fail')).toBe('TypeError: on purpose')
      await until(() => worker.ingest.stats.stored === 1)
    })

    it.each(['secret', 'gflux'])('lets nobody call %s from outside', async (name) => {
      expect(await call(`/service/${name}`)).toMatch(/does not implement/)
    })
  })

  describe('an object', () => {
    it('has delivered its events when it answers, and what it calls of its own stays synchronous', async () => {
      worker.ingest.fail({ delayMs: 100 })

      const result = await call('/room/visitTwice')

      expect(result).toBe(3)
      expect(names()).toEqual(['visited', 'visited'])
      expect(worker.ingest.stats.requests).toBe(1)
    })

    it('has delivered the events of its fetch when that answers', async () => {
      expect(await worker.get('/room/fetch')).toBe('room')
      expect(names()).toEqual(['fetched'])
    })

    it('sends nothing where it tracks nothing', async () => {
      expect(await call('/room/idle')).toBe('idle')
      expect(worker.ingest.stats.requests).toBe(0)
    })

    it('delivers the events of its alarm and of what it does later', async () => {
      await call('/room/wake')
      await call('/room/afterwards')
      await until(() => worker.ingest.stats.stored === 2)

      expect(names().sort()).toEqual(['alarmed', 'came_later'])
    })

    it('delivers the events of its web sockets', async () => {
      const { webSocket } = await worker.miniflare.dispatchFetch('http://worker/room/fetch', {
        headers: { upgrade: 'websocket' },
      })
      const answer = new Promise((resolve) => {
        webSocket?.addEventListener('message', ({ data }) => resolve(data))
      })
      webSocket?.accept()
      webSocket?.send('hello')
      expect(await answer).toBe('got hello')
      webSocket?.close(1000)
      await until(() => worker.ingest.stats.stored === 2)

      expect(names()).toEqual(['said', 'left'])
    })

    it('answers in time while the API is down', async () => {
      const recover = worker.ingest.fail({ hang: true, every: 1 })

      expect(await call('/room/visit')).toBeGreaterThan(0)
      expect(await call('/room/visit')).toBeGreaterThan(0)
      recover()
      await call('/room/flush')
      await until(() => worker.ingest.stats.stored === 2)
    })

    it('may be a class that extends nothing', async () => {
      expect(await worker.get('/legacy/fetch')).toBe('legacy')
      expect(names()).toEqual(['fetched'])
    })
  })

  it('a workflow has delivered a step’s events when the step is done, and its own when it is', async () => {
    const status = await call('/workflow')

    expect(status).toMatchObject({ status: 'complete', output: ['Ada', '1'] })
    expect(names()).toEqual(['greeted', 'signed_up'])
  })

  it('a class keeps its name and what is static', async () => {
    expect(await call('/classes')).toEqual(['Service', 'Room', 'Legacy', 'Signup', 'service'])
  })

  it('no object met another’s I/O', () => {
    expect(worker.output.join('').replaceAll(/.*on purpose.*/g, '')).not.toMatch(crossTalk)
  })
})
