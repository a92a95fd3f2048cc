import { initGFluxVercel } from '@getfluxly/node/vercel'

interface Events {
  page_rendered: { path: string }
  request_seen: { path: string }
  order_placed: { total_usd: number }
  newsletter_joined: { plan: string }
  order_exported: { rows: number }
}

/** One client for the whole application. */
export const gflux = initGFluxVercel<Events>({
  token: process.env['GFLUX_SERVER_TOKEN'] ?? '',
  apiHost: process.env['GFLUX_API_HOST'],
})
