import { type GFluxNode, initGFluxNode } from '@getfluxly/node'
import type { Cart } from './cart.ts'

export interface Env {
  readonly GFLUX_SERVER_TOKEN: string
  /** Only where events go elsewhere than to the GetFluxly API, such as in tests. */
  readonly INGEST?: Fetcher
  readonly ORDERS: Queue<Order>
  readonly CART: DurableObjectNamespace<Cart>
}

export interface Order {
  readonly userId: string
  readonly items: readonly string[]
}

interface Events {
  item_added: { item: string }
  order_placed: { items: number }
  order_shipped: { items: number }
  shop_checked: { cron: string }
}

/** One client for the isolate, whichever of the Worker's parts asks for it first. */
export function createGFlux(env: Env): GFluxNode<Events> {
  return initGFluxNode<Events>({ token: env.GFLUX_SERVER_TOKEN, fetch: env.INGEST, concurrency: 2 })
}

export type Gflux = GFluxNode<Events>
