import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { buildApplication } from '../test/runtime/vercel/next/application.ts'
import { startIngestProcess } from './ingest-process.ts'
import type { Row } from './row.ts'
import { TOKEN } from './sample.ts'

const INGEST_MS = 50
const REQUESTS = 500
const WARM_UPS = 50
/** A tenth of what the ingest takes. */
const GOAL_MS = 5

/** The same route in an application of Next's, bare and wrapped. Both are App Router route handlers. */
const routes = {
  'app/bench/bare/route.ts': `
    export const dynamic = 'force-dynamic'
    export const GET = async () => Response.json({ ok: true })`,
  'app/bench/wrapped/route.ts': `
    import { withGFlux } from '@getfluxly/node/vercel'
    import { gflux } from '../../../lib/gflux'
    export const dynamic = 'force-dynamic'
    export const GET = withGFlux(gflux, async () => {
      for (let index = 0; index < 3; index++)
        await gflux.track('order_placed', { userId: 'user_123', properties: { total_usd: index } })
      return Response.json({ ok: true })
    })`,
}

/** What a route that tracks 3 events takes longer, with an ingest that takes 50 ms. */
export async function measureVercel(): Promise<Row[]> {
  const { urls, stop } = await startIngestProcess(INGEST_MS)
  try {
    const env = { GFLUX_SERVER_TOKEN: TOKEN, GFLUX_API_HOST: urls[0] }
    return [...(await measureFunction(env)), ...(await measureNext(env))]
  } finally {
    stop()
  }
}

async function measureFunction(env: Record<string, string>): Promise<Row[]> {
  const child = fork(new URL('./vercel-function.ts', import.meta.url), { env: { ...process.env, ...env } })
  try {
    const [{ urls }] = await once(child, 'message', { signal: AbortSignal.timeout(10_000) })
    return await compareRoutes('function', urls[0], urls[1])
  } finally {
    child.disconnect()
  }
}

async function measureNext(env: Record<string, string>): Promise<Row[]> {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const application = await buildApplication('16', root, env, routes)
  await using next = await application.start()
  return await compareRoutes('next start', `${next.url}/bench/wrapped`, `${next.url}/bench/bare`)
}

/** Takes turns, so that both meet the same noise. */
async function compareRoutes(what: string, wrapped: string, bare: string): Promise<Row[]> {
  const times = { wrapped: [] as number[], bare: [] as number[] }
  for (let round = -WARM_UPS; round < REQUESTS; round++) {
    const isWrappedFirst = round % 2 === 0
    const early = await time(isWrappedFirst ? wrapped : bare)
    const late = await time(isWrappedFirst ? bare : wrapped)
    if (round < 0) continue
    times.wrapped.push(isWrappedFirst ? early : late)
    times.bare.push(isWrappedFirst ? late : early)
  }
  return (
    [
      ['median', 0.5],
      ['p99', 0.99],
    ] as const
  ).map(([name, share]) => {
    const ours = quantile(times.wrapped, share)
    const baseline = quantile(times.bare, share)
    return {
      what: `${what}: response with 3 events, ${name} / bare`,
      ours: { value: ours, unit: 'ms' },
      baseline: { value: baseline, unit: 'ms' },
      ratio: ours / baseline,
      ...(name === 'median' && { goal: `+ <= ${GOAL_MS} ms`, isMet: ours - baseline <= GOAL_MS }),
    }
  })
}

async function time(url: string): Promise<number> {
  const startedAt = performance.now()
  const response = await fetch(url)
  await response.text()
  if (!response.ok) throw new Error(`Expected status 200 of ${url}, got ${response.status}`)
  return performance.now() - startedAt
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN
}
