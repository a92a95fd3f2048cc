import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type GFluxNode, initGFluxNode } from '@getfluxly/node'
import { initGFluxServer } from '@getfluxly/node/server'
import { compare } from './compare.ts'
import { collectGarbage } from './garbage.ts'
import { startIngestProcess } from './ingest-process.ts'
import type { Row } from './row.ts'
import { EVENT_INPUT, EVENT_NAME, TOKEN } from './sample.ts'

const EVENTS = 30_000
/** Requests that a server works on at once, each waiting for its `track()`. */
const CALLERS = 500
const ROUNDS = 7
const GOAL = 0.5

/** An hour at the 50 events a second that the API's smallest plan takes. */
const HOUR_EVENTS = 180_000
const BURST = 100
const GOAL_MB = 10

/** What the spool costs: in events a second, in the time of a call, in memory when the API is down for an hour. */
export async function measureServer(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'gflux-bench-'))
  const {
    urls: [apiHost],
    stop,
  } = await startIngestProcess()
  let spools = 0
  const spooled = (config: object): GFluxNode =>
    initGFluxServer({
      token: TOKEN,
      spool: join(folder, String(spools++)),
      handleSignals: false,
      ...config,
    })
  try {
    const off = (): GFluxNode => initGFluxServer({ token: TOKEN, apiHost, handleSignals: false })
    const bare = (): GFluxNode => initGFluxNode({ token: TOKEN, apiHost })
    return [
      await throughputRow('spool on / off', () => spooled({ apiHost }), off, `>= ${GOAL}x`),
      await throughputRow('spool off / bare client', off, bare),
      ...(await latencyRows(() => spooled({ apiHost }), off, folder)),
      ...(await outageRows(spooled)),
    ]
  } finally {
    stop()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function throughputRow(
  what: string,
  ours: () => GFluxNode,
  baseline: () => GFluxNode,
  goal?: string,
): Promise<Row> {
  const time = (create: () => GFluxNode) => (): Promise<number> => timeDelivery(create())
  const times = await compare({ ours: time(ours), baseline: time(baseline) }, { rounds: ROUNDS })
  const ratio = 1 / times.ratio
  return {
    what: `server, ${CALLERS} callers: ${what}`,
    ours: { value: (EVENTS / times.ours) * 1000, unit: 'events/s' },
    baseline: { value: (EVENTS / times.baseline) * 1000, unit: 'events/s' },
    ratio,
    ...(goal && { goal, isMet: ratio >= GOAL }),
  }
}

/** Until the last event is accepted. */
async function timeDelivery(gflux: GFluxNode): Promise<number> {
  collectGarbage()
  const startedAt = performance.now()
  let left = EVENTS
  const call = async (): Promise<void> => {
    while (left-- > 0) await gflux.track(EVENT_NAME, EVENT_INPUT)
  }
  await Promise.all(Array.from({ length: CALLERS }, call))
  const { pending } = await gflux.shutdown()
  if (pending) throw new Error(`Expected no pending events, got ${pending}`)
  return performance.now() - startedAt
}

/** At a thousand events a second. Calls that trigger a flush are left out: they wait for the API. */
async function latencyRows(ours: () => GFluxNode, baseline: () => GFluxNode, folder: string): Promise<Row[]> {
  const on = await trackLatencies(ours())
  const off = await trackLatencies(baseline())
  const sync = await syncLatencies(join(folder, 'bare'))
  const row = (what: string, share: number): Row => ({
    what: `server, track() with a spool / bare append and fdatasync: ${what}`,
    ours: { value: percentile(on, share), unit: 'ms' },
    baseline: { value: percentile(sync, share), unit: 'ms' },
    ratio: percentile(on, share) / percentile(sync, share),
  })
  return [
    row('median', 0.5),
    row('p99', 0.99),
    { what: 'server, track() without a spool: p99', ours: { value: percentile(off, 0.99), unit: 'ms' } },
  ]
}

async function trackLatencies(gflux: GFluxNode): Promise<number[]> {
  const times: number[] = []
  const call = async (): Promise<void> => {
    const startedAt = performance.now()
    if ((await gflux.track(EVENT_NAME, EVENT_INPUT)) === null) times.push(performance.now() - startedAt)
  }
  await gflux.track(EVENT_NAME, EVENT_INPUT)
  for (let round = 0; round < 400; round++) {
    for (let calls = 0; calls < 10; calls++) void call()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await gflux.shutdown()
  return times
}

async function syncLatencies(path: string): Promise<number[]> {
  const times: number[] = []
  const file = await open(path, 'a')
  for (let count = 0; count < 400; count++) {
    const startedAt = performance.now()
    await file.write(Buffer.alloc(4000))
    await file.datasync()
    times.push(performance.now() - startedAt)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await file.close()
  return times
}

async function outageRows(spooled: (config: object) => GFluxNode): Promise<Row[]> {
  let isDown = true
  let arrived = 0
  const down = async (): Promise<Response> => Response.json({ error: 'server_error' }, { status: 503 })
  const fetch = async (_url: string, { body }: { body: string }): Promise<Response> => {
    if (isDown) return await down()
    const { events } = JSON.parse(body) as { events: unknown[] }
    arrived += events.length
    return Response.json({ accepted: events.length, rejected: 0 }, { status: 202 })
  }
  const on = await grow(spooled({ fetch }))
  const off = await grow(initGFluxServer({ token: TOKEN, fetch: down, handleSignals: false }))
  isDown = false
  const startedAt = performance.now()
  while (arrived < HOUR_EVENTS && performance.now() - startedAt < 120_000) {
    await on.gflux.flush().catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const seconds = (performance.now() - startedAt) / 1000
  return [
    {
      what: 'server, an hour without the API, spool on / off: heap growth',
      ours: { value: on.grownMb, unit: 'MB' },
      baseline: { value: off.grownMb, unit: 'MB' },
      goal: `<= ${GOAL_MB} MB`,
      isMet: on.grownMb <= GOAL_MB,
    },
    {
      what: 'server, an hour without the API, spool on / off: events kept',
      ours: { value: HOUR_EVENTS - on.refused, unit: '' },
      baseline: { value: HOUR_EVENTS - off.refused, unit: '' },
      goal: 'all',
      isMet: on.refused === 0,
    },
    {
      what: 'server, the hour after it is over: events sent once',
      ours: { value: arrived, unit: '' },
      baseline: { value: HOUR_EVENTS, unit: '' },
      goal: 'all',
      isMet: arrived === HOUR_EVENTS,
    },
    { what: 'server, the hour after it is over: sent in', ours: { value: seconds, unit: 's' } },
  ]
}

interface Growth {
  readonly gflux: GFluxNode
  readonly grownMb: number
  readonly refused: number
}

async function grow(gflux: GFluxNode): Promise<Growth> {
  let refused = 0
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  const pending = new Set<Promise<unknown>>()
  for (let count = 0; count < HOUR_EVENTS; count++) {
    const call: Promise<void> = gflux.track(EVENT_NAME, EVENT_INPUT).then(
      () => void pending.delete(call),
      ({ code }) => {
        if (code === 'queue_overflow') refused++
        pending.delete(call)
      },
    )
    pending.add(call)
    if (count % BURST === BURST - 1) await new Promise(setImmediate)
    while (pending.size > 10 * BURST) await Promise.race(pending)
  }
  await Promise.all(pending)
  collectGarbage()
  return { gflux, refused, grownMb: (process.memoryUsage().heapUsed - before) / 1024 / 1024 }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN
}
