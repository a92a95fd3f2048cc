export { type ClosableServer, flushOnClose } from './close.ts'
export { type ExpressRequest, expressGFlux } from './express.ts'
export {
  type FastifyGFluxOptions,
  type FastifyInstance,
  type FastifyRequest,
  fastifyGFlux,
} from './fastify.ts'
export { type GFluxVariables, type HonoContext, honoGFlux } from './hono.ts'
export type { GFluxServerConfig } from './options.ts'
export type { RequestOptions } from './request-client.ts'
export { initGFluxServer } from './server.ts'
