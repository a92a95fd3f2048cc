import { join } from 'node:path'
import { build } from 'esbuild'
import { expect, inject, it } from 'vitest'
import { crossTalk, openWorkerd, until } from '../../support/workerd.ts'

const worker = `
  import { Hono } from 'hono'
  import { withGFlux } from '@getfluxly/node/cloudflare'
  const app = new Hono()
  app.post('/orders', (c) => {
    c.env.gflux.track('order_placed', { userId: c.env.USER_ID })
    c.executionCtx.waitUntil(c.env.INGEST.fetch('http://ingest/').then(() =>
      c.env.gflux.track('order_shipped', { userId: c.env.USER_ID })))
    return c.json({ ok: true })
  })
  export default withGFlux((env) => ({ token: 'gflux_secret_x', fetch: env.INGEST }), {
    fetch: (request, env, ctx, gflux) => app.fetch(request, { ...env, gflux }, ctx),
  })`

it('a Hono app’s routes have the request’s client', async () => {
  const packageRoot = inject('packageRoot')
  const { outputFiles } = await build({
    stdin: { contents: worker, resolveDir: import.meta.dirname },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    alias: { '@getfluxly/node/cloudflare': join(packageRoot, 'dist/cloudflare.js') },
    logLevel: 'error',
    write: false,
  })
  await using workerd = await openWorkerd({
    packageRoot,
    script: outputFiles[0]?.text ?? '',
    options: { bindings: { USER_ID: 'user_1' } },
  })

  const response = await workerd.miniflare.dispatchFetch('http://worker/orders', { method: 'POST' })
  const answer = await response.json()
  await until(() => workerd.ingest.stats.stored === 2)

  expect(answer).toEqual({ ok: true })
  expect(workerd.ingest.events).toMatchObject([
    { event: 'order_placed', external_id: 'user_1' },
    { event: 'order_shipped', external_id: 'user_1' },
  ])
  expect(workerd.output.join('')).not.toMatch(crossTalk)
})
