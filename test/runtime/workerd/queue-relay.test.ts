import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { crossTalk, openWorkerd, until, type Workerd } from '../../support/workerd.ts'

const script = `
  import { initGFluxNode } from './dist/index.js'
  import { queueRelay, relayConsumer, withGFlux } from './dist/cloudflare.js'
  const dropped = []
  let sends = 0
  const config = (env) => ({
    token: 'gflux_secret_x',
    fetch: queueRelay({ send: (...args) => { sends++; return env.EVENTS.send(...args) } }, { fetch: env.INGEST }),
    onDrop: ({ events, error }) => dropped.push([error.code, error.status, events.length]),
  })
  export default withGFlux(config, {
    async fetch(request, env, ctx, gflux) {
      const { pathname, searchParams } = new URL(request.url)
      if (pathname === '/dropped') return Response.json(dropped)
      if (pathname === '/sends') return Response.json(sends)
      if (pathname === '/alias') return Response.json(await gflux.alias({ userId: 'user_1', anonymousId: 'anon_1' }))
      if (pathname === '/other') {
        await env.EVENTS.send({ key: 'a batch?' })
        await env.EVENTS.send({ key: 'no JSON', events: [1n] }, { contentType: 'v8' })
        await env.EVENTS.send({ key: 'no\\nheader', events: [] })
      }
      const bytes = Number(searchParams.get('bytes') ?? 1)
      for (let n = 0; n < Number(searchParams.get('events') ?? 0); n++)
        gflux.track('relayed', { userId: 'user_1', properties: { pathname, n, padding: 'x'.repeat(bytes) } })
      return new Response('ok')
    },
    queue: relayConsumer(config),
  })`

const dead = `
  const letters = []
  export default {
    fetch: () => Response.json(letters),
    queue: ({ messages }) => letters.push(...messages.map(({ body }) => body.key)),
  }`

describe('events by way of a queue', () => {
  let worker: Workerd
  const keys = (): (string | undefined)[] =>
    worker.ingest.requests.map(({ idempotencyKey }) => idempotencyKey)
  beforeAll(async () => {
    worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      options: {
        queueProducers: { EVENTS: 'events' },
        queueConsumers: {
          events: { maxBatchSize: 10, maxBatchTimeout: 0, maxRetries: 3, deadLetterQueue: 'dead' },
        },
      },
      others: [
        {
          name: 'dead',
          modules: true,
          script: dead,
          queueConsumers: { dead: { maxBatchTimeout: 0 } },
        },
      ],
    })
  })
  beforeEach(() => worker.ingest.reset())
  afterAll(() => worker[Symbol.asyncDispose]())

  it('reach the API once, though it fails at first, under one key', async () => {
    worker.ingest.fail({ status: 503 })
    worker.ingest.fail({ reset: 'after' })

    await worker.get('/page?events=3')
    await until(() => worker.ingest.requests.length === 3)

    expect(new Set(keys()).size).toBe(1)
    expect(worker.ingest.stats).toMatchObject({ stored: 3, replays: 1, duplicates: 0, keyConflicts: 0 })
  })

  it('wait as long as the API asks for', async () => {
    worker.ingest.fail({ status: 429, retryAfter: 3 })

    await worker.get('/page?events=1')
    await until(() => worker.ingest.stats.stored === 1)

    const [refused, taken] = worker.ingest.requests
    expect(Number(taken?.receivedAt) - Number(refused?.settledAt)).toBeGreaterThanOrEqual(2900)
  })

  describe('a failure of the API', () => {
    const batch = (event: string): object => ({
      key: crypto.randomUUID(),
      events: [{ event, external_id: 'user_1', timestamp: new Date().toISOString() }],
    })
    const deliver = async (batches: number): Promise<{ acks: unknown; retries: unknown }> => {
      const bodies = Array.from({ length: batches }, (_, index) => batch(`batch_${index}`))
      const { explicitAcks, retryMessages } = await worker.queue('events', bodies)
      return { acks: explicitAcks, retries: retryMessages }
    }

    it('at one message leaves the others to be delivered', async () => {
      worker.ingest.fail({ status: 500 })

      expect(await deliver(3)).toEqual({ acks: ['1', '2'], retries: [{ msgId: '0', delaySeconds: 1 }] })
    })

    it('at two in a row is taken for an outage', async () => {
      worker.ingest.fail({ status: 500, times: 2 })

      expect(await deliver(4)).toMatchObject({ acks: [], retries: { length: 4 } })
      expect(worker.ingest.stats.requests).toBe(2)
    })

    it('that asks for quiet is heeded at once, by all', async () => {
      worker.ingest.fail({ status: 429, retryAfter: 7 })

      const { acks, retries } = await deliver(2)

      expect(acks).toEqual([])
      expect(retries).toEqual([
        { msgId: '0', delaySeconds: 7 },
        { msgId: '1', delaySeconds: 7 },
      ])
      expect(worker.ingest.stats.requests).toBe(1)
    })
  })

  it('are split where a message can’t hold them', async () => {
    await worker.get('/large?events=12&bytes=30000')
    await until(() => worker.ingest.stats.stored === 12)

    expect(worker.ingest.stats).toMatchObject({ duplicates: 0, keyConflicts: 0 })
    expect(worker.ingest.stats.maxBytesPerRequest).toBeLessThan(128_000)
  })

  it('are reported where the API refuses them', async () => {
    worker.ingest.fail({ status: 400 })

    await worker.get('/page?events=2')
    await until(() => worker.ingest.requests.length === 1)

    await until(async () => (await worker.get('/dropped')) === '[["http_4xx",400,2]]')
  })

  it('other messages end in the dead letter queue, and hold up none behind them', async () => {
    await worker.get('/other?events=1')

    await until(() => worker.ingest.stats.stored === 1)
    const letters = await worker.miniflare.getWorker('dead')
    await until(async () => {
      const keys = (await (await letters.fetch('http://dead/')).json()) as string[]
      return keys.sort().join() === 'a batch?,no\nheader,no JSON'
    })
  })

  it('what needs an answer goes to the API itself', async () => {
    const answer = JSON.parse(await worker.get('/alias'))

    expect(answer).toMatchObject({ alias: { user_id: 'user_1' } })
  })

  it('nothing went around in circles, and nothing met another request’s I/O', async () => {
    const sends = Number(await worker.get('/sends'))

    expect(sends).toBeLessThan(12)
    expect(worker.output.join('')).not.toMatch(crossTalk)
  })
})
