import type { EventContext } from '../../src/index.ts'
import { type HeaderSource, headerOf } from './header.ts'
import { env, requestContext } from './platform.ts'

/**
 * The context of an invocation: `region`, `deployment_id` and `vercel_id`, Vercel's id of the request, each where there
 * is one. As `defaultContext` it is asked at each event.
 *
 * @param request Whose `x-vercel-id` to take. @default the one that the calling code belongs to, where Vercel tells it
 *
 * @example
 * ```ts
 * const gflux = initGFluxVercel({ token: process.env.GFLUX_SERVER_TOKEN!, defaultContext: () => vercelContext() })
 * ```
 */
export function vercelContext(
  request: HeaderSource = requestContext('@vercel/request-context') ?? {},
): EventContext {
  return {
    region: env('VERCEL_REGION'),
    deployment_id: env('VERCEL_DEPLOYMENT_ID'),
    vercel_id: headerOf(request, 'x-vercel-id'),
  }
}
