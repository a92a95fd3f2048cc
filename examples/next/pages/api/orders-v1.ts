import { withGFlux } from '@getfluxly/node/vercel'
import type { NextApiRequest, NextApiResponse } from 'next'
import { gflux } from '../../lib/gflux'

/** A Pages API route. */
export default withGFlux(gflux, async (request: NextApiRequest, response: NextApiResponse) => {
  const total = Number(request.query['total'])
  await gflux.track('order_placed', { userId: 'user_123', properties: { total_usd: total } })
  if (total < 0) throw new Error('An order costs something')
  response.json({ ok: true })
})
