import type { GFluxNode, GFluxNodeConfig } from '@getfluxly/node'
import { withGFlux } from '@getfluxly/node/cloudflare'
import { Hono } from 'hono'

interface Env {
  readonly TOKEN: string
}

const config = (env: Env): GFluxNodeConfig => ({ token: env.TOKEN })

// README's way to the client in a route.
const app = new Hono<{ Bindings: Env & { gflux: GFluxNode } }>()
app.get('/', (c) => {
  c.env.gflux.track('page_viewed', { userId: 'user_123' })
  return c.text('ok')
})
export const worker = withGFlux(config, {
  fetch: (request, env, ctx, gflux) => app.fetch(request, { ...env, gflux }, ctx),
})
