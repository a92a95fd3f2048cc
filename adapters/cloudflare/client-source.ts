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
 * Sentry's wrapper around this one, all that name the same API, key and `fetch` have the first one's client.
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

/** How many are remembered: a `fetch` that is made anew for each `env` has a client of its own each time. */
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
  if (client === created && clients.push(client) > maxClients) forget(clients.shift())
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

/** What an outage has left in it may go with its `env`. */
function forget(client: GFluxNode | undefined): void {
  const { log, queue } = deliveryOf(client) ?? {}
  if (queue?.size)
    log?.warn('Each `env` has another `fetch`, and so a queue of its own: make it outside of `config`', {
      events: queue.size,
    })
}

/** Does a client that is open send the same way as another, and as the same sender? */
function isAlike(client: GFluxNode, other: GFluxNode): boolean {
  const { config, isClosed } = deliveryOf(client) as Delivery
  const { config: others } = deliveryOf(other) as Delivery
  return (
    !isClosed && (['token', 'apiHost', 'fetch'] as const).every((option) => config[option] === others[option])
  )
}
