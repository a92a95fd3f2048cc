import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { compatibilityDates, crossTalk, openWorkerd, until, type Workerd } from '../../support/workerd.ts'

const script = `
  import { withGFlux } from './dist/cloudflare.js'
  let clients = 0
  const config = (env) => {
    clients++
    return { token: 'gflux_secret_x', fetch: env.INGEST }
  }
  const sent = (gflux, by) => gflux.track('handled', { userId: 'user_1', properties: { by } })
  const kept = Symbol('kept')
  const handlers = {
    greeting: 'hello',
    async fetch(request, env, ctx, gflux) {
      const { pathname } = new URL(request.url)
      if (pathname === '/nothing') return new Response('nothing')
      if (pathname === '/clients') return Response.json(clients)
      if (pathname === '/likeness') return Response.json(likeness())
      if (pathname === '/other')
        return wrapped.fetch.call({ greeting: 'other' }, new Request('http://worker/page'), env, ctx)
      if (pathname === '/slow') await new Promise((resolve) => setTimeout(resolve, 30))
      await sent(gflux, pathname)
      if (pathname === '/throw') throw new RangeError('on purpose')
      return new Response(this.greeting, { status: 418, headers: { 'x-kept': 'yes' } })
    },
    scheduled: (controller, ...rest) => sent(rest[2], controller.cron),
    async queue(batch, env, ctx, gflux) {
      for (const message of batch.messages) await sent(gflux, batch.queue + message.body)
      if (batch.queue === 'refused') throw new Error('on purpose')
      batch.ackAll()
    },
    async email(message, env, ctx, gflux) {
      await sent(gflux, message.from)
    },
    async tail(events, env, ctx, gflux) {
      await sent(gflux, 'tail of ' + events[0].outcome)
    },
  }
  handlers.queue[kept] = handlers.queue.kept = 'yes'
  const wrapped = withGFlux(config, handlers)
  const likeness = () => {
    const { fetch, scheduled, queue } = wrapped
    return [fetch, scheduled, queue].map((handler) => [handler.name, handler.length, handler[kept], handler.kept])
  }
  export default wrapped`

const traced = `
  import { withGFlux } from './dist/cloudflare.js'
  export default withGFlux((env) => ({ token: 'gflux_secret_x', fetch: env.INGEST }), {
    async trace(traces, env, ctx, gflux) {
      await gflux.track('handled', { userId: 'user_1', properties: { by: 'trace of ' + traces[0].outcome } })
    },
  })`

const watched = {
  name: 'watched',
  modules: true,
  script: `export default { fetch: () => new Response('ok') }`,
}

describe.each(compatibilityDates)('handlers in workerd as of %s', (compatibilityDate) => {
  let worker: Workerd
  const senders = (): unknown[] =>
    worker.ingest.events.map(({ properties }) => (properties as { by: string }).by).sort()
  beforeAll(async () => {
    worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      compatibilityDate,
      more: { tracer: traced },
      others: [{ ...watched, compatibilityDate, tails: ['worker', 'tracer'] }],
    })
  })
  beforeEach(() => worker.ingest.reset())
  afterAll(() => worker[Symbol.asyncDispose]())

  it('a request’s events are delivered, and its response is the handler’s', async () => {
    const response = await worker.miniflare.dispatchFetch('http://worker/page')
    const answer = [response.status, response.headers.get('x-kept'), await response.text()]
    await until(() => worker.ingest.stats.stored === 1)

    expect(answer).toEqual([418, 'yes', 'hello'])
    expect(worker.ingest.events).toMatchObject([{ event: 'handled', context: { runtime: 'workerd' } }])
  })

  it('two requests in sequence make two deliveries', async () => {
    await worker.get('/first')
    await worker.get('/second')
    await until(() => worker.ingest.stats.stored === 2)

    expect(senders()).toEqual(['/first', '/second'])
  })

  it('the events of a handler that throws are delivered, and its error is passed on', async () => {
    const answer = await worker.get('/throw')
    await until(() => worker.ingest.stats.stored === 1)

    expect(answer).toMatch(/RangeError: on purpose/)
  })

  it('a cron waits for its events, and returns what it came to', async () => {
    worker.ingest.fail({ delayMs: 100 })

    const { outcome } = await worker.scheduled()

    expect(outcome).toBe('ok')
    expect(senders()).toEqual(['* * * * *'])
  })

  it('a queue batch waits for its events, and acknowledges what the handler acknowledged', async () => {
    worker.ingest.fail({ delayMs: 100 })

    const taken = await worker.queue('taken', [1, 2])
    const refused = await worker.queue('refused', [3])

    expect(taken).toMatchObject({ outcome: 'ok', ackAll: true })
    expect(refused).toMatchObject({ outcome: 'exception', ackAll: false })
    expect(senders()).toEqual(['refused3', 'taken1', 'taken2'])
  })

  it('an email’s events are delivered', async () => {
    const message = 'From: a@example.com\r\nTo: b@example.com\r\nMessage-ID: <1@example.com>\r\n\r\nhello'
    const url = 'http://worker/cdn-cgi/handler/email?from=a@example.com&to=b@example.com'

    const response = await worker.miniflare.dispatchFetch(url, { method: 'POST', body: message })
    await until(() => worker.ingest.stats.stored === 1)

    expect(response.status).toBe(200)
    expect(senders()).toEqual(['a@example.com'])
  })

  it('a tail’s and a trace’s events are delivered', async () => {
    const other = await worker.miniflare.getWorker('watched')
    await other.fetch('http://watched/')
    await until(() => worker.ingest.stats.stored === 2)

    expect(senders()).toEqual(['tail of ok', 'trace of ok'])
  })

  it('a handler keeps its name, its arity but for the client, and its properties', async () => {
    expect(JSON.parse(await worker.get('/likeness'))).toEqual([
      ['fetch', 3, null, null],
      ['scheduled', 1, null, null],
      ['queue', 3, 'yes', 'yes'],
    ])
  })

  it('a handler has the `this` that it is called with', async () => {
    expect(await worker.get('/other')).toBe('other')
    await until(() => worker.ingest.stats.stored === 1)
  })

  it('a handler that tracks nothing sends nothing', async () => {
    await worker.get('/nothing')
    await worker.get('/slow')
    await until(() => worker.ingest.stats.stored === 1)

    expect(worker.ingest.stats.requests).toBe(1)
  })

  it('one client serves the isolate, and no request met another’s', async () => {
    expect(await worker.get('/clients')).toBe('1')
    expect(worker.output.join('')).not.toMatch(crossTalk)
  })
})
