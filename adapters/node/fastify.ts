import type { GFluxNode } from '../../src/index.ts'
import { flushAtClose } from './close.ts'
import { type RequestOptions, requestBinder } from './request-client.ts'

/** What is used of Fastify's request. https://fastify.dev/docs/latest/Reference/Request/ */
export interface FastifyRequest {
  readonly headers: { readonly cookie?: string | undefined }
}

/** What is used of a Fastify instance. https://fastify.dev/docs/latest/Reference/Server/ */
export interface FastifyInstance<Request> {
  decorateRequest(name: 'gflux', value: null): unknown
  addHook(name: 'onRequest', hook: (request: Request) => Promise<void>): unknown
  addHook(name: 'onClose', hook: () => Promise<void>): unknown
}

export interface FastifyGFluxOptions<Request> extends RequestOptions<Request> {
  gflux: GFluxNode
}

/**
 * A plugin that gives each request its bound client, as `request.gflux`, and sends what is queued when the server is
 * closed.
 *
 * @example
 * ```ts
 * await app.register(fastifyGFlux, { gflux, cookie: 'gflux_anonymous_id' })
 * ```
 */
export async function fastifyGFlux<Request extends FastifyRequest>(
  app: FastifyInstance<Request>,
  { gflux, ...options }: FastifyGFluxOptions<Request>,
): Promise<void> {
  const bind = requestBinder(gflux, options)
  app.decorateRequest('gflux', null)
  app.addHook('onRequest', async (request) => {
    Object.assign(request, { gflux: await bind(request, request.headers.cookie) })
  })
  app.addHook('onClose', () => flushAtClose(gflux))
}

// The plugin is for the whole application, not only for what is registered within it.
// https://fastify.dev/docs/latest/Reference/Plugins/#handle-the-scope
Object.assign(fastifyGFlux, { [Symbol.for('skip-override')]: true })
