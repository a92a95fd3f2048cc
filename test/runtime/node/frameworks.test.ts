import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import fastify, { type FastifyRequest } from 'fastify'
import { type Context, Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import {
  expressGFlux,
  fastifyGFlux,
  flushOnClose,
  type GFluxVariables,
  honoGFlux,
  initGFluxServer,
} from '../../../adapters/node/index.ts'
import { createTestIngest } from '../../../ingest/index.ts'
import type { Binding, GFluxNode } from '../../../src/index.ts'

declare module 'fastify' {
  interface FastifyRequest {
    gflux: GFluxNode
  }
}

interface Application {
  readonly url: string
  readonly close: () => Promise<void>
}

type Env = { Variables: GFluxVariables & { user: string | undefined } }

const cookie = 'device'

/** Who the tests' header says; a bad one is no identity. */
function userOf(header: unknown): Binding | undefined {
  if (header === 'broken') throw new Error('no such session')
  return typeof header === 'string' ? { userId: header, anonymousId: undefined } : undefined
}

async function listen(server: Server): Promise<Application> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}

/** In each, `/order` tracks an event of the request and answers with its number. */
const applications: Record<string, (gflux: GFluxNode) => Promise<Application>> = {
  async hono(gflux) {
    const app = new Hono<Env>()
    app.use(async (c, next) => {
      c.set('user', c.req.header('x-user'))
      await next()
    })
    app.use(honoGFlux(gflux, { cookie, identify: async (c: Context<Env>) => userOf(c.get('user')) }))
    app.get('/order', (c) => {
      void c.get('gflux').track('ordered', { properties: { id: Number(c.req.query('id')) } })
      return c.text(String(c.req.query('id')))
    })
    const server = createServer(getRequestListener(app.fetch))
    flushOnClose(gflux, server)
    return await listen(server)
  },
  async express(gflux) {
    const app = express()
    app.use(expressGFlux(gflux, { cookie, identify: (req: express.Request) => userOf(req.get('x-user')) }))
    app.get('/order', (req, res) => {
      void req.gflux.track('ordered', { properties: { id: Number(req.query['id']) } })
      res.send(String(req.query['id']))
    })
    const server = createServer(app)
    flushOnClose(gflux, server)
    return await listen(server)
  },
  async fastify(gflux) {
    const app = fastify()
    const identify = (request: FastifyRequest) => userOf(request.headers['x-user'])
    await app.register(fastifyGFlux<FastifyRequest>, { gflux, cookie, identify })
    app.get<{ Querystring: { id: string } }>('/order', async (request) => {
      void request.gflux.track('ordered', { properties: { id: Number(request.query.id) } })
      return request.query.id
    })
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
}

interface Setup {
  readonly gflux: GFluxNode
  readonly ingest: ReturnType<typeof createTestIngest>
  readonly warned: string[]
}

function openClient(): Setup {
  const ingest = createTestIngest()
  const warned: string[] = []
  const logger = { warn: (message: string) => warned.push(message) }
  const token = 'gflux_secret_x'
  return {
    gflux: initGFluxServer({ token, fetch: ingest.fetch, handleSignals: false, logger }),
    ingest,
    warned,
  }
}

describe.each(Object.entries(applications))('%s', (_name, open) => {
  it('each request has its own client, by cookie and callback, and the close sends what is queued', async () => {
    const { gflux, ingest } = openClient()
    const app = await open(gflux)

    const answers = await Promise.all(
      Array.from({ length: 12 }, async (_, id) => {
        const headers = { cookie: `theme=dark; ${cookie}=device%20${id}; other=1`, 'x-user': `user_${id}` }
        return (await fetch(`${app.url}/order?id=${id}`, { headers })).text()
      }),
    )
    expect(ingest.events).toEqual([])
    await app.close()

    await expect.poll(() => ingest.events.length).toBe(12)
    expect(answers).toEqual(answers.map((_, id) => String(id)))
    for (const { anonymous_id, external_id, properties } of ingest.events) {
      expect([anonymous_id, external_id]).toEqual([
        `device ${properties?.['id']}`,
        `user_${properties?.['id']}`,
      ])
    }
  })

  it('a request is served when its identity fails, by what the cookie says', async () => {
    const { gflux, ingest, warned } = openClient()
    const app = await open(gflux)

    const broken = await fetch(`${app.url}/order?id=1`, {
      headers: { 'x-user': 'broken', cookie: `${cookie}=d` },
    })
    const empty = await fetch(`${app.url}/order?id=2`, { headers: { 'x-user': ' ', cookie: `${cookie}=` } })
    await app.close()
    await gflux.flush()

    expect([broken.status, empty.status]).toEqual([200, 200])
    expect(warned).toContain('GFlux: A request’s identity failed')
    expect(ingest.events.map((event) => [event.anonymous_id, event.external_id, event.properties])).toEqual([
      ['d', undefined, { id: 1 }],
    ])
  })

  it('a client that was shut down before the close has nothing to say', async () => {
    const { gflux, ingest, warned } = openClient()
    const app = await open(gflux)
    void gflux.track('opened', { userId: 'user_1' })

    await gflux.shutdown()
    await app.close()

    expect(ingest.stats.stored).toBe(1)
    expect(warned).toEqual([])
  })

  it('has no anonymous id without the cookie', async () => {
    const { gflux, ingest } = openClient()
    const app = await open(gflux)

    await fetch(`${app.url}/order?id=1`, { headers: { 'x-user': 'user_1' } })
    await app.close()

    await expect.poll(() => ingest.events).toHaveLength(1)
    expect(ingest.events[0]).not.toHaveProperty('anonymous_id')
    expect(ingest.events[0]).toMatchObject({ external_id: 'user_1' })
  })
})

describe('the options of middleware', () => {
  it.each([{ cookie: '' }, { cookie: 1 }, { identify: 'x' }, null])('%j is refused at once', (options) => {
    const { gflux } = openClient()

    expect(() => honoGFlux(gflux, options as never)).toThrow(/Expected `(cookie|identify|options)`/)
    expect(() => expressGFlux(gflux, options as never)).toThrow(/Expected `(cookie|identify|options)`/)
  })
})
