import { assertFunction, deliveryOf, expect, plainObject } from '../../src/adapter.ts'
import type { Binding, GFluxNode } from '../../src/index.ts'
import { cookieOf } from '../shared/cookie.ts'

/** Who a request's events belong to. */
export interface RequestOptions<Request> {
  /** The cookie in which the browser SDK keeps its id of a device: the request's `anonymousId`. @default none */
  cookie?: string | undefined
  /** Gives identity and context, such as the user that an earlier middleware has authenticated. @default none */
  identify?: ((request: Request) => Binding | undefined | Promise<Binding | undefined>) | undefined
}

/** A request's own client. */
export type BindRequest<Request> = (request: Request, cookieHeader: string | undefined) => Promise<GFluxNode>

/**
 * What all middleware shares. A request is served whatever becomes of its identity: it then is who the cookie says.
 *
 * @throws {GFluxNodeError} `validation_error`, naming the option.
 */
export function requestBinder<Request>(
  gflux: GFluxNode,
  options?: RequestOptions<Request>,
): BindRequest<Request> {
  const { cookie, identify } = plainObject<RequestOptions<Request>>('options', options)
  expect(cookie === undefined || (typeof cookie === 'string' && cookie), 'cookie', 'a name', cookie)
  assertFunction('identify', identify)
  return async (request, cookieHeader) => {
    const anonymousId = cookie && cookieOf(cookieHeader, cookie)?.trim()
    const client = gflux.with(anonymousId ? { anonymousId } : {})
    try {
      const binding = await identify?.(request)
      return binding ? client.with(binding) : client
    } catch (error) {
      deliveryOf(gflux)?.log.warn('A request’s identity failed', {
        error: (error as Error | undefined)?.message,
      })
      return client
    }
  }
}
