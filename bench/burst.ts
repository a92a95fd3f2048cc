import { type GFluxNode, initGFluxNode } from '@getfluxly/node'
import { createTestIngest, type TestIngest } from '@getfluxly/node/testing'
import type { Row } from './row.ts'
import { TOKEN } from './sample.ts'

const EVENTS = 3_000
const CONCURRENCY = 4
const MAX_FLUSHES = 20

/** Calls that nobody waits for, far past `flushAt`, while one request in three fails. */
export async function measureBurst(): Promise<Row[]> {
  const ingest = createTestIngest()
  ingest.fail({ status: 503, every: 3 })
  ingest.fail({ delayMs: 5, every: 1 }) // the others take a while, so that several are in flight
  const server = await ingest.listen()
  try {
    const gflux = initGFluxNode({
      token: TOKEN,
      apiHost: server.url,
      maxQueueSize: EVENTS,
      concurrency: CONCURRENCY,
    })
    for (let id = 0; id < EVENTS; id++)
      void gflux.track('item_viewed', { userId: 'user_1', properties: { id } })
    await flushUntilEmpty(gflux)
    return rowsOf(ingest)
  } finally {
    await server.close()
  }
}

async function flushUntilEmpty(gflux: GFluxNode): Promise<void> {
  for (let flush = 0; flush < MAX_FLUSHES; flush++) {
    // Exhausted retries reject, and leave the events to the next flush.
    const result = await gflux.flush({ timeoutMs: 10_000 }).catch(() => undefined)
    if (result?.pending === 0) return
  }
}

function rowsOf({ events, stats }: TestIngest): Row[] {
  const arrived = new Set(events.map(({ properties }) => properties?.['id'])).size
  const duplicates = events.length - arrived
  const { requests, maxInFlight } = stats
  const fewest = EVENTS / 50
  return [
    {
      what: 'burst of 3,000, 1 request in 3 fails: arrived / tracked',
      ours: { value: arrived, unit: '' },
      baseline: { value: EVENTS, unit: '' },
      goal: 'all',
      isMet: arrived === EVENTS,
    },
    {
      what: 'burst: stored twice',
      ours: { value: duplicates, unit: '' },
      goal: '0',
      isMet: duplicates === 0,
    },
    {
      what: 'burst: requests / fewest possible without failures',
      ours: { value: requests, unit: '' },
      baseline: { value: fewest, unit: '' },
      ratio: requests / fewest,
    },
    {
      what: 'burst: requests in flight at most',
      ours: { value: maxInFlight, unit: '' },
      goal: `<= ${CONCURRENCY}`,
      isMet: maxInFlight <= CONCURRENCY,
    },
  ]
}
