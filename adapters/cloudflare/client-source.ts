import { deliveryOf, plainObject } from '../../src/adapter.ts'
import {
  type AnyEvents,
  type EventMap,
  type GFluxNode,
  type GFluxNodeConfig,
  initGFluxNode,
} from '../../src/index.ts'

/**
 * A client, or what makes one of a Worker's `env`: a function that gives its configuration, or the client itself. It
 * runs once for each isolate and `env`, when the first request comes.
 */
export type ClientSource<Env, Events extends EventMap<Events> = AnyEvents> =
  | GFluxNode<Events>
  | ((env: Env) => GFluxNodeConfig | GFluxNode<Events>)

type Factory = (env: never) => unknown

const clients = new WeakMap<Factory, WeakMap<object, unknown>>()

/** The client for an `env`. One made of a configuration has defaults for Workers. */
export function clientOf<Env, Events extends EventMap<Events>>(
  source: ClientSource<Env, Events>,
  env: Env,
): GFluxNode<Events> {
  if (typeof source !== 'function') return source
  const byEnv = clients.get(source) ?? new WeakMap<object, unknown>()
  clients.set(source, byEnv)
  const key = env === Object(env) ? (env as object) : source
  const known = byEnv.get(key) as GFluxNode<Events> | undefined
  if (known) return known
  const made = source(env)
  // A Worker waits for 6 answers at once: https://developers.cloudflare.com/workers/platform/limits/. Every invocation
  // flushes, so that no `await gflux.track()` need wait for a flush in between.
  const { concurrency = 2, flushAt = 1000 } = plainObject<GFluxNodeConfig>('config', made)
  const client = deliveryOf(made)
    ? (made as GFluxNode<Events>)
    : initGFluxNode<Events>({ ...(made as GFluxNodeConfig), concurrency, flushAt })
  byEnv.set(key, client)
  return client
}
