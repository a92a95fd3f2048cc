import { describe, expect, inject, it } from 'vitest'
import { crossTalk, openWorkerd, until, type Workerd } from '../../support/workerd.ts'

const script = `
  import { withGFlux } from './dist/cloudflare.js'
  let runs = 0
  const config = (env) => ({ token: 'gflux_secret_x', fetch: env.INGEST, timeoutMs: 100, maxRetries: 1 })
  export default withGFlux(config, {
    async fetch(request, env, ctx, gflux) {
      const { pathname } = new URL(request.url)
      if (pathname === '/runs') return Response.json(runs)
      if (pathname === '/send') await env.JOBS.send('job')
      else await gflux.flush()
      return new Response('ok')
    },
    scheduled: (controller, env, ctx, gflux) => gflux.track('timed', { userId: 'user_1' }),
    async queue(batch, env, ctx, gflux) {
      runs += 1
      for (const { id } of batch.messages) gflux.track('taken', { userId: 'user_1', properties: { id } })
    },
  })`

const open = (compatibilityFlags: string[] = []): Promise<Workerd> =>
  openWorkerd({
    packageRoot: inject('packageRoot'),
    script,
    compatibilityFlags,
    options: {
      queueProducers: { JOBS: 'jobs' },
      queueConsumers: { jobs: { maxBatchSize: 1, maxBatchTimeout: 0, maxRetries: 3 } },
    },
  })

const failures = [
  ['answers 503', { status: 503, every: 1 }],
  ['resets connections', { reset: 'before', every: 1 }],
  ['hangs', { hang: true, every: 1 }],
] as const

describe.each([[[]], [['queue_consumer_no_wait_for_wait_until']]])(
  'while the API is down, with flags %j',
  (flags) => {
    it.each(failures)(
      'a queue batch and a cron are ok, and their events come later: it %s',
      async (_title, failure) => {
        await using worker = await open([...flags])
        const recover = worker.ingest.fail(failure)

        const outcomes = [await worker.queue('jobs', [1, 2]), await worker.scheduled()]
        recover()
        await until(async () => {
          await worker.get('/request')
          return worker.ingest.events.filter(({ event }) => event !== 'requested').length === 3
        })

        expect(outcomes).toMatchObject([
          { outcome: 'ok', explicitAcks: [], retryBatch: { retry: false } },
          { outcome: 'ok' },
        ])
        expect(worker.ingest.stats).toMatchObject({ keyConflicts: 0, rejected: 0 })
        expect(worker.output.join('')).not.toMatch(crossTalk)
      },
    )

    it('no message of a queue is delivered again because of it', async () => {
      await using worker = await open([...flags])
      const recover = worker.ingest.fail({ status: 503, every: 1 })

      await worker.get('/send')
      await until(async () => (await worker.get('/runs')) !== '0')
      await worker.get('/send')
      await until(async () => (await worker.get('/runs')) === '2')
      recover()
      await until(async () => {
        await worker.get('/request')
        return worker.ingest.events.filter(({ event }) => event === 'taken').length === 2
      })

      expect(await worker.get('/runs')).toBe('2')
    })
  },
)
