import { type Delivery, deliveryOf } from '../../src/adapter.ts'
import { type AnyEvents, type EventMap, type GFluxNode, initGFluxNode } from '../../src/index.ts'
import { attachSpool } from './attach-spool.ts'
import { createExitClient } from './drain.ts'
import { drainBeforeExit, drainOnSignals } from './exit-hooks.ts'
import { type GFluxServerConfig, resolveServerConfig } from './options.ts'

/**
 * Creates a client for a long-running server on Node, Bun or Deno: it flushes every five seconds, and drains its queue
 * when the process ends by itself, or by SIGTERM or SIGINT. With a `spool` its events outlive crashes too.
 *
 * @throws {GFluxNodeError} `validation_error`, naming the option.
 *
 * @example
 * ```ts
 * const gflux = initGFluxServer({ token: process.env.GFLUX_SERVER_TOKEN!, spool: './gflux-spool' })
 * await gflux.track('invoice_paid', { userId: 'user_123', properties: { total_usd: 99.99 } })
 * ```
 */
export function initGFluxServer<Events extends EventMap<Events> = AnyEvents>(
  config: GFluxServerConfig,
): GFluxNode<Events> {
  const { handleSignals, maxSpoolBytes, spool, ...core } = resolveServerConfig(config)
  const gflux = initGFluxNode<Events>(core)
  const delivery = deliveryOf(gflux) as Delivery
  // An attempt that has begun may end.
  delivery.backgroundLimits = (now) => ({ deadline: now + delivery.config.timeoutMs, isSoft: true })
  const journal = spool === undefined ? undefined : attachSpool(delivery, { spool, maxSpoolBytes })
  const exitClient = createExitClient(gflux as GFluxNode, delivery, journal)
  drainBeforeExit(exitClient)
  if (handleSignals) drainOnSignals(exitClient)
  return gflux
}
