import { fastifyGFlux, initGFluxServer } from '@getfluxly/node/server'
import fastify, { type FastifyRequest } from 'fastify'

const { GFLUX_SERVER_TOKEN = '', GFLUX_API_HOST, GFLUX_SPOOL = './gflux-spool', PORT = '3000' } = process.env

const app = fastify({ logger: { level: 'warn' } })
const gflux = initGFluxServer({
  token: GFLUX_SERVER_TOKEN,
  apiHost: GFLUX_API_HOST,
  spool: GFLUX_SPOOL,
  logger: { warn: (message, context) => app.log.warn(context, message) },
})

await app.register(fastifyGFlux<FastifyRequest>, {
  gflux,
  cookie: 'gflux_anonymous_id',
  identify: ({ headers }) => ({ userId: String(headers['x-user-id'] ?? 'guest') }),
})

app.post<{ Body: { orderId: string; totalUsd: number } }>('/orders', async (request, reply) => {
  const { orderId, totalUsd } = request.body
  const event = { properties: { order_id: orderId, total_usd: totalUsd } }
  // Once it has resolved, the event outlives a crash of this process. A failure is in the log, and no order's affair.
  await request.gflux.track('order_placed', event).catch(() => undefined)
  return reply.code(201).send({ orderId })
})

// The application's own end: the client sends what is queued, and leaves the exit to it.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void app.close())

const address = await app.listen({ port: Number(PORT), host: '0.0.0.0' })
console.log(`listening on port ${new URL(address).port}`)

declare module 'fastify' {
  interface FastifyRequest {
    gflux: typeof gflux
  }
}
