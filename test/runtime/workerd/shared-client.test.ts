import { describe, expect, inject, it } from 'vitest'
import { disconnectMidStream } from '../../support/disconnect.ts'
import { compatibilityDates, crossTalk, openWorkerd, until, type Workerd } from '../../support/workerd.ts'

/**
 * Every request tracks two events, and the path says how: `/kind/id`. The same handler runs with a client of its own
 * (`withGFlux`), and with one at module scope that knows only `waitUntil`.
 */
const handler = `
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  async function handle(request, ctx, gflux) {
    const [, kind, id] = new URL(request.url).pathname.split('/')
    const track = (n) => gflux.track('opened', { userId: 'user_1', properties: { id: id + '-' + n } })
    if (kind === 'awaited') {
      await track(1)
      await sleep(5)
      await track(2)
      return new Response('awaited')
    }
    track(1)
    if (kind === 'late') {
      ctx.waitUntil(sleep(60).then(() => track(2)))
      return new Response('late')
    }
    if (kind === 'throw') {
      track(2)
      throw new Error('on purpose')
    }
    if (kind === 'stream') {
      const { readable, writable } = new TransformStream()
      const writer = writable.getWriter()
      const write = async () => {
        await writer.write(new TextEncoder().encode('piece'))
        await sleep(40)
        await track(2)
        // As of 2024 a write alone leaves no other request a turn.
        for (;;) await Promise.all([writer.write(new TextEncoder().encode('more')), sleep(5)])
      }
      ctx.waitUntil(Promise.race([write().catch(() => {}), sleep(500)]))
      return new Response(readable)
    }
    await track(2)
    return new Response('plain')
  }`

const scripts = {
  'a client from a factory': `
    import { withGFlux } from './dist/cloudflare.js'
    const config = (env) => ({ token: 'gflux_secret_x', fetch: env.INGEST, timeoutMs: 400 })
    export default withGFlux(config, { fetch: (request, env, ctx, gflux) => handle(request, ctx, gflux) })`,
  'a client at module scope, wrapped': `
    import { initGFluxNode } from './dist/index.js'
    import { withGFlux } from './dist/cloudflare.js'
    const gflux = initGFluxNode({ token: 'gflux_secret_x', timeoutMs: 400 })
    export default withGFlux(gflux, { fetch: (request, env, ctx, bound) => handle(request, ctx, bound) })`,
  'a client at module scope with waitUntil alone': `
    import { waitUntil } from 'cloudflare:workers'
    import { initGFluxNode } from './dist/index.js'
    const gflux = initGFluxNode({ token: 'gflux_secret_x', concurrency: 2, waitUntil, timeoutMs: 400 })
    export default { fetch: (request, env, ctx) => handle(request, ctx, gflux) }`,
}

const settings = [
  [compatibilityDates[1], []],
  [compatibilityDates[1], ['nodejs_compat']],
  [compatibilityDates[1], ['no_handle_cross_request_promise_resolution']],
  [compatibilityDates[0], []],
] as const

const kinds = ['plain', 'awaited', 'late'] as const

/** 50 requests at once, of which one throws and one is left by its client mid-stream, and 10 in sequence. */
async function sendSixty(worker: Workerd): Promise<string[]> {
  const page = (id: number): Promise<string> => worker.get(`/${kinds[id % kinds.length]}/${id}`)
  const stream = new URL('/stream/48', await worker.miniflare.unsafeGetDirectURL('worker'))
  const concurrent = Array.from({ length: 48 }, (_, id) => page(id))
  const [answers] = await Promise.all([
    Promise.all([...concurrent, worker.get('/throw/49')]),
    disconnectMidStream(stream),
  ])
  for (let id = 50; id < 60; id++) answers.push(await page(id))
  return answers
}

describe.each(Object.entries(scripts))('%s', (_title, script) => {
  it.each(settings)(
    'delivers every event of 60 requests once as of %s, with flags %j',
    async (compatibilityDate, compatibilityFlags) => {
      await using worker = await openWorkerd({
        packageRoot: inject('packageRoot'),
        script: handler + script,
        compatibilityDate,
        compatibilityFlags: [...compatibilityFlags],
        options: { unsafeDirectSockets: [{ host: '127.0.0.1' }] },
      })
      worker.ingest.fail({ hang: true })
      worker.ingest.fail({ status: 503, every: 6 })

      const answers = await sendSixty(worker)
      await until(() => worker.ingest.stats.stored >= 120)
      const last = await worker.get('/plain/60')
      await until(() => worker.ingest.stats.stored >= 122)

      const { stored, duplicates, keyConflicts, rejected } = worker.ingest.stats
      const ids = worker.ingest.events.map(({ properties }) => (properties as { id: string }).id)
      expect(new Set(ids).size).toBe(122)
      expect({ stored, duplicates, keyConflicts, rejected }).toEqual({
        stored: 122,
        duplicates: 0,
        keyConflicts: 0,
        rejected: 0,
      })
      expect(answers.filter((answer) => kinds.includes(answer as never))).toHaveLength(58)
      expect(last).toBe('plain')
      expect(worker.output.join('').replaceAll(/.*on purpose.*/g, '')).not.toMatch(crossTalk)
    },
  )
})
