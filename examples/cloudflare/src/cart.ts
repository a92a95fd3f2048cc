import { DurableObject } from 'cloudflare:workers'
import { withGFlux } from '@getfluxly/node/cloudflare'
import { createGFlux, type Env, type Gflux } from './gflux.ts'

/** A user's cart. Its events are in the object's storage when `add()` returns, and leave it with the object's alarm. */
export class Cart extends DurableObject<Env> {
  declare readonly gflux: Gflux

  async add(userId: string, item: string): Promise<string[]> {
    const items = [...(await this.items()), item]
    await this.ctx.storage.put('items', items)
    this.gflux.track('item_added', { userId, properties: { item } })
    return items
  }

  async items(): Promise<string[]> {
    return (await this.ctx.storage.get<string[]>('items')) ?? []
  }
}

export const WrappedCart: typeof Cart = withGFlux(createGFlux, Cart, { durableQueue: true })
