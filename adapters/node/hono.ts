import type { AnyEvents, EventMap, GFluxNode } from '../../src/index.ts'
import { type RequestOptions, requestBinder } from './request-client.ts'

/** What is used of Hono's context. https://hono.dev/docs/api/context */
export interface HonoContext {
  readonly req: { header(name: string): string | undefined }
  set(key: 'gflux', value: GFluxNode): void
}

/** For `new Hono<{ Variables: GFluxVariables }>()`, or `GFluxVariables<Events>`. */
export interface GFluxVariables<Events extends EventMap<Events> = AnyEvents> {
  gflux: GFluxNode<Events>
}

/**
 * Gives each request its bound client, as `c.get('gflux')`.
 *
 * @example
 * ```ts
 * const identify = (c: Context<Env>) => ({ userId: c.get('userId') })
 * app.use(honoGFlux(gflux, { cookie: 'gflux_anonymous_id', identify }))
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: Hono's own type, whose variables are known where it is used
export function honoGFlux<Context extends HonoContext = any>(
  gflux: GFluxNode,
  options?: RequestOptions<Context>,
): (c: Context, next: () => Promise<void>) => Promise<void> {
  const bind = requestBinder(gflux, options)
  return async (c, next) => {
    c.set('gflux', await bind(c, c.req.header('cookie')))
    await next()
  }
}
