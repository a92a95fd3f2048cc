import { initGFluxNode } from '@getfluxly/node'
import { captureBodies } from './capture.ts'
import { compare } from './compare.ts'
import { collectGarbage } from './garbage.ts'
import { startIngestProcess } from './ingest-process.ts'
import type { ServerCounts } from './ingest-server.ts'
import type { Row } from './row.ts'
import { EVENT_INPUT, EVENT_NAME, ONLY_QUEUE, TOKEN } from './sample.ts'

const EVENTS = 10_000
const CONCURRENCY = 4
const ROUNDS = 20
const GOAL = 1.3

const FEW = 2_000
const MANY = 20_000
const LINEARITY_GOAL = 1.5

/** One flush of a long queue over HTTP, by a bare loop of fetch that sends the same bodies four at a time. */
export async function measureDrain(): Promise<Row[]> {
  const bodies = await captureBodies(EVENTS)
  const { urls, counts, stop } = await startIngestProcess()
  try {
    const { ours, baseline, ratio } = await compare(
      { ours: () => timeFlush(urls[0], EVENTS), baseline: () => timeFetches(urls[1], bodies) },
      { rounds: ROUNDS },
    )
    return [
      {
        what: `drain ${EVENTS.toLocaleString('en-US')} events / bare fetch loop`,
        ours: { value: ours, unit: 'ms' },
        baseline: { value: baseline, unit: 'ms' },
        ratio,
        goal: `<= ${GOAL}x`,
        isMet: ratio <= GOAL,
      },
      ...countRows(await counts()),
      await measureLinearity(urls[0]),
    ]
  } finally {
    stop()
  }
}

/** Whether a long queue makes sending an event slower. */
async function measureLinearity(url: string): Promise<Row> {
  const { ours, baseline, ratio } = await compare(
    {
      ours: async () => (await timeFlush(url, MANY)) / MANY,
      baseline: async () => (await timeFlush(url, FEW)) / FEW,
    },
    { rounds: 9 },
  )
  return {
    what: `flush: per event of ${MANY.toLocaleString('en-US')} / of ${FEW.toLocaleString('en-US')}`,
    ours: { value: ours * 1000, unit: 'µs' },
    baseline: { value: baseline * 1000, unit: 'µs' },
    ratio,
    goal: `<= ${LINEARITY_GOAL}x`,
    isMet: ratio <= LINEARITY_GOAL,
  }
}

function countRows([ours, baseline]: readonly [ServerCounts, ServerCounts]): Row[] {
  const row = (what: string, count: keyof ServerCounts): Row => ({
    what: `drain: ${what}`,
    ours: { value: ours[count], unit: '' },
    baseline: { value: baseline[count], unit: '' },
  })
  return [
    {
      ...row('requests in flight at most', 'maxInFlight'),
      goal: `<= ${CONCURRENCY}`,
      isMet: ours.maxInFlight <= CONCURRENCY,
    },
    row('sockets opened, all rounds', 'connections'),
    {
      ...row('requests, all rounds', 'requests'),
      goal: 'as baseline',
      isMet: ours.requests === baseline.requests,
    },
    { ...row('events, all rounds', 'events'), goal: 'as baseline', isMet: ours.events === baseline.events },
  ]
}

async function timeFlush(url: string, events: number): Promise<number> {
  const gflux = initGFluxNode({ ...ONLY_QUEUE, apiHost: url, concurrency: CONCURRENCY })
  for (let index = 0; index < events; index++) void gflux.track(EVENT_NAME, EVENT_INPUT)
  await undefined
  collectGarbage()
  const startedAt = performance.now()
  const { accepted } = await gflux.flush()
  const time = performance.now() - startedAt
  if (accepted !== events) throw new Error(`Expected ${events} accepted events, got ${accepted}`)
  return time
}

async function timeFetches(url: string, bodies: readonly string[]): Promise<number> {
  collectGarbage()
  const startedAt = performance.now()
  const queue = bodies.values()
  await Promise.all(Array.from({ length: CONCURRENCY }, () => sendAll(url, queue)))
  return performance.now() - startedAt
}

/** Takes from the queue that it shares with others. */
async function sendAll(url: string, queue: Iterable<string>): Promise<void> {
  for (const body of queue) {
    const response = await fetch(`${url}/v1/events/batch`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${TOKEN}`,
        'content-type': 'application/json',
        'x-idempotency-key': crypto.randomUUID(),
      },
      body,
    })
    if (response.status !== 202) throw new Error(`Expected status 202, got ${response.status}`)
    await response.json()
  }
}
