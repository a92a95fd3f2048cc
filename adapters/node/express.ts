import type { AnyEvents, GFluxNode } from '../../src/index.ts'
import { type RequestOptions, requestBinder } from './request-client.ts'

/** What is used of Express's request. https://expressjs.com/en/5x/api.html#req */
export interface ExpressRequest {
  readonly headers: { readonly cookie?: string | undefined }
}

declare global {
  namespace Express {
    /** The project's event map, once it has been stated: `interface GFluxEvents extends Events {}`. */
    interface GFluxEvents {}
    interface Request {
      /** The request's own client, where {@link expressGFlux} is in use. */
      gflux: GFluxNode<keyof GFluxEvents extends never ? AnyEvents : GFluxEvents>
    }
  }
}

/**
 * Gives each request its bound client, as `req.gflux`.
 *
 * @example
 * ```ts
 * const identify = (req: express.Request) => ({ userId: req.session.userId })
 * app.use(expressGFlux(gflux, { cookie: 'gflux_anonymous_id', identify }))
 * ```
 */
export function expressGFlux<Request extends ExpressRequest>(
  gflux: GFluxNode,
  options?: RequestOptions<Request>,
): (request: Request, response: unknown, next: () => void) => Promise<void> {
  const bind = requestBinder(gflux, options)
  return async (request, _response, next) => {
    const client = await bind(request, request.headers.cookie)
    Object.assign(request, { gflux: client })
    next()
  }
}
