import { initGFluxNode } from '@getfluxly/node'

const { GFLUX_SERVER_TOKEN = '', GFLUX_API_HOST } = process.env

export const gflux = initGFluxNode({ token: GFLUX_SERVER_TOKEN, apiHost: GFLUX_API_HOST })

/** What each of the recipes does with an order, which neither waits for its event nor fails with it. */
export async function placeOrder(orderId: string): Promise<{ orderId: string }> {
  void gflux.track('order_placed', { userId: 'user_123', properties: { order_id: orderId } })
  return { orderId }
}
