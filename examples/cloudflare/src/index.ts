/** A shop: a cart for each user, orders that a queue ships, and a check every hour. */
import { cloudflareContext, withGFlux } from '@getfluxly/node/cloudflare'
import { createGFlux, type Env, type Order } from './gflux.ts'

export { WrappedCart as Cart } from './cart.ts'

export default withGFlux(
  createGFlux,
  {
    async fetch(request, env, _ctx, gflux) {
      const { pathname, searchParams } = new URL(request.url)
      const userId = searchParams.get('user') ?? 'user_123'
      const cart = env.CART.get(env.CART.idFromName(userId))
      if (pathname === '/add')
        return Response.json(await cart.add(userId, searchParams.get('item') ?? 'book'))
      if (pathname !== '/order') return new Response('Not found', { status: 404 })
      const items = await cart.items()
      await env.ORDERS.send({ userId, items })
      gflux.track('order_placed', { userId, properties: { items: items.length } }) // nothing waits for it
      return Response.json({ ordered: items })
    },

    async queue(batch: MessageBatch<Order>, _env, _ctx, gflux) {
      for (const { body } of batch.messages)
        gflux.track('order_shipped', { userId: body.userId, properties: { items: body.items.length } })
    },

    async scheduled({ cron }, _env, _ctx, gflux) {
      gflux.track('shop_checked', { anonymousId: 'shop', properties: { cron } })
    },
  },
  { context: cloudflareContext },
) satisfies ExportedHandler<Env, Order>
