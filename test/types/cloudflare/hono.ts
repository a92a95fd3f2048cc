import type { GFluxNode, GFluxNodeConfig } from '@getfluxly/node'
import { withGFlux } from '@getfluxly/node/cloudflare'
import { Hono } from 'hono'

interface Env {
  readonly GFLUX_SERVER_TOKEN: string
}

const config = (env: Env): GFluxNodeConfig => ({ token: env.GFLUX_SERVER_TOKEN })

const app = new Hono<{ Bindings: Env & { gflux: GFluxNode } }>()
app.post('/orders', (c) => {
  c.env.gflux.track('order_placed', { userId: 'user_123' })
  return c.json({ ok: true })
})

// A router's routes get the invocation's client by way of `env`.
export const routed = withGFlux(config, {
  fetch: (request, env, ctx, gflux) => app.fetch(request, { ...env, gflux }, ctx),
}) satisfies ExportedHandler<Env>
