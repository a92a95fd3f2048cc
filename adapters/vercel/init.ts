import {
  type AnyEvents,
  type EventMap,
  type GFluxNode,
  type GFluxNodeConfig,
  initGFluxNode,
} from '../../src/index.ts'
import { adopt } from './adopt.ts'
import { isBuilding } from './platform.ts'

/**
 * {@link initGFluxNode} for Vercel and Next.js: every `track()` is delivered within the lifetime of the request that it
 * was called in, also late and in code that is not wrapped, and nothing is emitted during `next build`, which needs no
 * token either.
 *
 * @throws {GFluxNodeError} `validation_error`, naming the option.
 *
 * @example
 * ```ts
 * export const gflux = initGFluxVercel({ token: process.env.GFLUX_SERVER_TOKEN! })
 * ```
 */
export function initGFluxVercel<Events extends EventMap<Events> = AnyEvents>(
  config: GFluxNodeConfig,
): GFluxNode<Events> {
  // The build runs an application's modules, often where no key is.
  const gflux = initGFluxNode<Events>(
    isBuilding() && config ? { ...config, token: config.token || 'none' } : config,
  )
  adopt(gflux)
  return gflux
}
