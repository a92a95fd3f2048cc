import { type Delivery, deliveryOf, plainObject } from '../../src/adapter.ts'
import {
  type AnyEvents,
  type EventMap,
  type GFluxNode,
  type GFluxNodeConfig,
  initGFluxNode,
} from '../../src/index.ts'

/**
 * A client, or what makes one of a Worker's `env`: a function that gives its configuration, or the client itself. It
 * runs once for each isolate and `env`, when the first request comes. Where that is another object each time, as with
 * Sentry's wrapper around this one, all that name the same API and key have the first one's client, which goes on with
 * the newest `fetch`.
 */
export type ClientSource<Env, Events extends EventMap<Events> = AnyEvents> =
  | GFluxNode<Events>
  | ((env: Env) => GFluxNodeConfig | GFluxNode<Events>)

type Factory = (env: never) => unknown

/** What a factory has made. */
interface Made {
  readonly byEnv: WeakMap<object, GFluxNode>
  readonly clients: GFluxNode[]
}

/** How many are remembered. */
const maxClients = 8

const made = new WeakMap<Factory, Made>()

/** The client for an `env`. One made of a configuration has defaults for Workers. */
export function clientOf<Env, Events extends EventMap<Events>>(
  source: ClientSource<Env, Events>,
  env: Env,
): GFluxNode<Events> {
  if (typeof source !== 'function') return source
  const ours: Made = made.get(source) ?? { byEnv: new WeakMap(), clients: [] }
  made.set(source, ours)
  const { byEnv, clients } = ours
  const key = env === Object(env) ? (env as object) : source
  const known = byEnv.get(key)
  if (known) return known as GFluxNode<Events>
  const created = createClient(source(env))
  const client = clients.find((other) => isAlike(other, created)) ?? created
  if (client === created && clients.push(client) > maxClients) clients.shift()
  adoptFetch(client, created)
  byEnv.set(key, client)
  return client as GFluxNode<Events>
}

function createClient(config: unknown): GFluxNode {
  if (deliveryOf(config)) return config as GFluxNode
  // A Worker waits for 6 answers at once: https://developers.cloudflare.com/workers/platform/limits/. Every invocation
  // flushes, so that no `await gflux.track()` need wait for a flush in between.
  const { concurrency = 2, flushAt = 1000, ...others } = plainObject<GFluxNodeConfig>('config', config)
  return initGFluxNode({ ...others, concurrency, flushAt })
}

/** Does a client that is open send to the same API as another, and as the same sender? */
function isAlike(client: GFluxNode, other: GFluxNode): boolean {
  const { config, isClosed } = deliveryOf(client) as Delivery
  const { apiHost, token } = (deliveryOf(other) as Delivery).config
  return !isClosed && config.token === token && config.apiHost === apiHost
}

/** That of an `env` may be made anew each time: what an outage has left goes out by any. */
function adoptFetch(client: GFluxNode, newest: GFluxNode): void {
  const { config, ports } = deliveryOf(client) as Delivery
  const { config: newestConfig, ports: newestPorts } = deliveryOf(newest) as Delivery
  config.fetch = newestConfig.fetch
  ports.fetch = newestPorts.fetch
}
