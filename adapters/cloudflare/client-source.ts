import { insideOf } from '../../src/adapter.ts'
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

/** What a client made of a configuration has for Workers, unless that says otherwise. */
const DEFAULTS = {
  /** A Worker waits for the headers of 6 requests at once: https://developers.cloudflare.com/workers/platform/limits/ */
  concurrency: 2,
  /** Every invocation flushes: no `await gflux.track()` need wait for one in between. */
  flushAt: 1000,
}

type Factory = (env: never) => unknown

const clients = new WeakMap<Factory, WeakMap<object, unknown>>()

/** The client for an `env`. */
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
  const client = insideOf(made) ? (made as GFluxNode<Events>) : createClient<Events>(made as GFluxNodeConfig)
  byEnv.set(key, client)
  return client
}

function createClient<Events extends EventMap<Events>>(config: GFluxNodeConfig): GFluxNode<Events> {
  const { concurrency = DEFAULTS.concurrency, flushAt = DEFAULTS.flushAt } = config
  return initGFluxNode<Events>({ ...config, concurrency, flushAt })
}
