import { fileURLToPath } from 'node:url'
import { openWorkerd, type Workerd } from '../test/support/workerd.ts'
import { type Comparison, compare } from './compare.ts'
import type { Row } from './row.ts'
import { EVENT_INPUT, EVENT_NAME, TOKEN } from './sample.ts'

const INGEST_MS = 50
const ROUNDS = 40
const REQUESTS_PER_ROUND = 50
const GOAL_ADDED_MS = 0.2
const LOAD_REQUESTS = 1_000
const LOAD_CONCURRENCY = 20

const bare = `export default { fetch: async () => new Response('ok') }`

const tracking = `
  import { withGFlux } from './dist/cloudflare.js'
  const config = (env) => ({ token: '${TOKEN}', fetch: env.SLOW })
  export default withGFlux(config, {
    async fetch(request, env, ctx, gflux) {
      gflux.track('${EVENT_NAME}', ${JSON.stringify(EVENT_INPUT)})
      return new Response('ok')
    },
  })`

/** The same without the SDK: a request to the API for each event, behind `waitUntil` or before the response. */
const sending = (isAwaited: boolean): string => `
  const body = '${JSON.stringify({ events: [{ event: EVENT_NAME, ...EVENT_INPUT }] })}'
  export default {
    async fetch(request, env, ctx) {
      const sent = env.SLOW.fetch('https://api.getfluxly.com/v1/events/batch', { method: 'POST', body })
      const done = sent.then((response) => response.text())
      ${isAwaited ? 'await done' : 'ctx.waitUntil(done)'}
      return new Response('ok')
    },
  }`

/** Takes batches as the API does, each in the same time, and counts them. */
const slow = `
  const counts = { requests: 0, events: 0 }
  export default {
    async fetch(request) {
      if (request.method === 'GET') return Response.json(counts)
      const { events } = await request.json()
      counts.requests += 1
      await new Promise((resolve) => setTimeout(resolve, ${INGEST_MS}))
      counts.events += events.length
      return Response.json({ accepted: events.length, rejected: 0 }, { status: 202 })
    },
  }`

interface Counts {
  readonly requests: number
  readonly events: number
}

/** What a tracked event costs a request to a Worker, and how few requests to the API that takes. */
export async function measureCloudflare(): Promise<Row[]> {
  const options = {
    unsafeDirectSockets: [{ host: '127.0.0.1' }],
    serviceBindings: { SLOW: 'slow' },
  }
  await using worker = await openWorkerd({
    packageRoot: fileURLToPath(new URL('..', import.meta.url)),
    script: tracking,
    options,
    others: [
      { name: 'bare', modules: true, script: bare, ...options },
      { name: 'sending', modules: true, script: sending(false), ...options },
      { name: 'awaiting', modules: true, script: sending(true), ...options },
      { name: 'slow', modules: true, script: slow },
    ],
  })
  const urlOf = async (name: string): Promise<string> =>
    String(await worker.miniflare.unsafeGetDirectURL(name))
  const [ours = '', bareUrl, ...others] = await Promise.all(
    ['worker', 'bare', 'sending', 'awaiting'].map(urlOf),
  )
  const added = async (url = '', rounds = ROUNDS): Promise<Comparison> =>
    compare({ ours: () => timeRequests(url), baseline: () => timeRequests(bareUrl ?? '') }, { rounds })
  const subrequests = await measureSubrequests(worker, ours)
  const byUs = await added(ours)
  const bySending = await added(others[0])
  const byAwaiting = await added(others[1], 3)
  const ms = (value: number): Row['ours'] => ({ value, unit: 'ms' })
  return [
    {
      what: `Worker: a request that tracks an event / bare, API ${INGEST_MS} ms`,
      ours: ms(byUs.ours),
      baseline: ms(byUs.baseline),
      ratio: byUs.ratio,
    },
    {
      what: 'Worker: time added / by a fetch of its own behind waitUntil',
      ours: ms(byUs.added),
      baseline: ms(bySending.added),
      goal: `<= ${GOAL_ADDED_MS} ms`,
      isMet: byUs.added <= GOAL_ADDED_MS,
    },
    {
      what: 'Worker: time added / by a fetch that is awaited',
      ours: ms(byUs.added),
      baseline: ms(byAwaiting.added),
    },
    subrequests,
  ]
}

async function timeRequests(url: string): Promise<number> {
  const startedAt = performance.now()
  for (let sent = 0; sent < REQUESTS_PER_ROUND; sent++) await (await fetch(url)).text()
  return (performance.now() - startedAt) / REQUESTS_PER_ROUND
}

async function measureSubrequests({ miniflare }: Workerd, url: string): Promise<Row> {
  const { fetch: ask } = await miniflare.getWorker('slow')
  let left = LOAD_REQUESTS
  const client = async (): Promise<void> => {
    while (left-- > 0) await (await fetch(url)).text()
  }
  await Promise.all(Array.from({ length: LOAD_CONCURRENCY }, client))
  let counts: Counts
  do {
    await new Promise((resolve) => setTimeout(resolve, INGEST_MS))
    counts = (await (await ask('http://slow/')).json()) as Counts
  } while (counts.events < LOAD_REQUESTS)
  return {
    what: `Worker: requests to the API for 1,000 requests, ${LOAD_CONCURRENCY} at once / events`,
    ours: { value: counts.requests, unit: '' },
    baseline: { value: counts.events, unit: '' },
    ratio: counts.requests / counts.events,
  }
}
