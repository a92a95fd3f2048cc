import { anonymousIdFromCookie, withGFlux } from '@getfluxly/node/vercel'
import { gflux } from '../../../lib/gflux'

/** A route handler: one function for each method, each wrapped. */
export const POST = withGFlux(gflux, async (request: Request) => {
  const { total } = (await request.json()) as { total: number }
  const anonymousId = anonymousIdFromCookie(request, 'gflux_anonymous_id')
  await gflux.track('order_placed', { userId: 'user_123', anonymousId, properties: { total_usd: total } })
  if (total < 0) throw new Error('An order costs something')
  return Response.json({ ok: true })
})

/** A streamed body: what is tracked after the response has begun is delivered as well. */
export const GET = withGFlux(gflux, () => {
  const rows = ['order_1\n', 'order_2\n', 'order_3\n']
  const encoder = new TextEncoder()
  const body = new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      const row = rows.shift()
      if (row) return controller.enqueue(encoder.encode(row))
      await gflux.track('order_exported', { userId: 'user_123', properties: { rows: 3 } })
      controller.close()
    },
  })
  return new Response(body)
})
