import type { LambdaFunctionURLEvent } from 'aws-lambda'
import { gflux } from './client.ts'

/** What each function does: it tracks two events, and awaits neither. */
export async function placeOrder({
  body,
}: LambdaFunctionURLEvent): Promise<{ statusCode: number; body: string }> {
  const { userId, orderId } = JSON.parse(body ?? '{}')
  void gflux.track('order_placed', { userId, properties: { order_id: orderId } })
  void gflux.track('confirmation_sent', { userId, properties: { order_id: orderId } })
  return { statusCode: 201, body: JSON.stringify({ orderId }) }
}
