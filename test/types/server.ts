import express from 'express'
import fastify, { type FastifyRequest } from 'fastify'
import { Hono } from 'hono'
import {
  expressGFlux,
  fastifyGFlux,
  flushOnClose,
  type GFluxServerConfig,
  type GFluxVariables,
  honoGFlux,
  initGFluxServer,
} from '../../adapters/node/index.ts'

interface Events {
  invoice_paid: { total_usd: number }
}

declare const environment: Record<string, string | undefined>

const gflux = initGFluxServer<Events>({ token: 't', spool: environment['GFLUX_SPOOL'] })
void gflux.track('invoice_paid', { userId: 'u', properties: { total_usd: 1 } })
// @ts-expect-error an event that there is not
void gflux.track('invoice_lost', { userId: 'u' })

export const refused: GFluxServerConfig[] = [
  // @ts-expect-error the token is required
  { spool: './gflux-spool' },
  // @ts-expect-error an option of another type
  { token: 't', spool: true },
  // @ts-expect-error an option of another type
  { token: 't', maxSpoolBytes: '100 MB' },
  // @ts-expect-error an option that there is not
  { token: 't', handleSignal: false },
]

const hono = new Hono<{ Variables: GFluxVariables }>()
hono.use(honoGFlux(gflux, { cookie: 'device' }))
hono.use(honoGFlux(gflux, { identify: (c) => ({ userId: c.get('user').id }) }))
hono.get('/', async (c) => c.json(await c.get('gflux').track('opened', { userId: 'u' })))

const app = express()
app.use(expressGFlux(gflux, { identify: (request: express.Request) => ({ userId: request.path }) }))
app.get('/', (request) => void request.gflux.track('opened'))
flushOnClose(gflux, app.listen(0))

void fastify().register(fastifyGFlux<FastifyRequest>, { gflux, cookie: 'device' })
// @ts-expect-error the client is required
void fastify().register(fastifyGFlux<FastifyRequest>, { cookie: 'device' })
