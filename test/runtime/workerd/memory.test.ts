import { expect, inject, it } from 'vitest'
import { openWorkerd } from '../../support/workerd.ts'
import { openInspector } from '../../support/workerd-inspector.ts'

const script = `
  import { withGFlux } from './dist/cloudflare.js'
  const padding = 'x'.repeat(500)
  const config = (env) => ({ token: 'gflux_secret_x', fetch: env.INGEST })
  export default withGFlux(config, {
    async fetch(request, env, ctx, gflux) {
      const { pathname } = new URL(request.url)
      if (pathname === '/flush') return Response.json(await gflux.flush().catch(({ result }) => result))
      const refused = await gflux.track('opened', { userId: 'user_1', properties: { pathname, padding } }).catch(({ code }) => code)
      return new Response(refused ?? 'queued')
    },
  })`

/** Makes many requests from within the runtime, which is faster. */
const driver = `
  let count = 0
  export default {
    async fetch(request, env) {
      const answers = await Promise.all(Array.from({ length: 100 }, async () =>
        (await env.WORKER.fetch('http://worker/' + ++count)).text()))
      return Response.json(answers)
    },
  }`

it('an isolate’s memory stays bounded over 10,000 requests while the API is down', async () => {
  await using worker = await openWorkerd({
    packageRoot: inject('packageRoot'),
    script,
    others: [{ name: 'driver', modules: true, script: driver, serviceBindings: { WORKER: 'worker' } }],
    inspected: true,
  })
  using inspector = await openInspector(await worker.miniflare.getInspectorURL(), 'worker')
  const recover = worker.ingest.fail({ status: 503, every: 1 })
  const { fetch } = await worker.miniflare.getWorker('driver')
  const answers: Record<string, number> = {}
  const request = async (count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent += 100) {
      for (const answer of (await (await fetch('http://driver/')).json()) as string[])
        answers[answer] = (answers[answer] ?? 0) + 1
    }
  }

  await request(2000)
  const early = await inspector.usedBytes()
  await request(8000)
  const late = await inspector.usedBytes()
  recover()
  let pending = 1000
  // A request that was under way before may still fail, and end a flush of what it had.
  for (let tries = 0; pending && tries < 10; tries++) pending = JSON.parse(await worker.get('/flush')).pending

  expect(late - early).toBeLessThan(4_000_000)
  expect(answers).toEqual({ queued: 1000, queue_overflow: 9000 })
  expect(pending).toBe(0)
  expect(worker.ingest.stats).toMatchObject({ stored: 1000, duplicates: 0 })
}, 300_000)
