import { anonymousIdFromCookie, initGFluxVercel, vercelContext, withGFlux } from '@getfluxly/node/vercel'

const gflux = initGFluxVercel({
  token: process.env['GFLUX_SERVER_TOKEN'] ?? '',
  apiHost: process.env['GFLUX_API_HOST'],
  defaultContext: () => vercelContext(),
})

/** A function of its own, without a framework: `POST /api/orders`. */
export const POST = withGFlux(gflux, async (request: Request) => {
  const { total } = (await request.json()) as { total: number }
  const anonymousId = anonymousIdFromCookie(request, 'gflux_anonymous_id')
  await gflux.track('order_placed', { userId: 'user_123', anonymousId, properties: { total_usd: total } })
  return Response.json({ ok: true })
})
