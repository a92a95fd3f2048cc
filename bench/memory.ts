import { initGFluxNode } from '@getfluxly/node'
import { collectGarbage } from './garbage.ts'
import type { Row } from './row.ts'
import { EVENT_INPUT, EVENT_NAME, TOKEN } from './sample.ts'

const EVENTS = 50_000
/** Calls in one turn of the event loop. */
const BURST = 100
const GOAL_MB = 5

/** Heap that is kept while the API hangs and the application goes on tracking, with default options. */
export async function measureMemory(): Promise<Row[]> {
  const { fetch, release } = createHangingApi()
  const gflux = initGFluxNode({ token: TOKEN, fetch })
  let refused = 0

  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let index = 0; index < EVENTS; index++) {
    gflux.track(EVENT_NAME, EVENT_INPUT).catch(() => refused++)
    if (index % BURST === BURST - 1) await new Promise(setImmediate)
  }
  collectGarbage()
  const grownMb = (process.memoryUsage().heapUsed - before) / 1024 / 1024

  const heldEvents = EVENTS - refused
  release()
  await gflux.flush()
  return [
    {
      what: '50,000 tracks while the API hangs: heap growth',
      ours: { value: grownMb, unit: 'MB' },
      goal: `<= ${GOAL_MB} MB`,
      isMet: grownMb <= GOAL_MB,
    },
    {
      what: 'hanging API: events held / maxQueueSize',
      ours: { value: heldEvents, unit: '' },
      baseline: { value: 1_000, unit: '' },
      goal: '<= 1,000',
      isMet: heldEvents <= 1_000,
    },
  ]
}

/** Answers nothing before its release, and everything at once from then on. */
function createHangingApi(): {
  fetch: (url: string, init: { body: string }) => Promise<Response>
  release: () => void
} {
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const fetch = async (_url: string, { body }: { body: string }): Promise<Response> => {
    await released
    return Response.json({ accepted: JSON.parse(body).events.length, rejected: 0 }, { status: 202 })
  }
  return { fetch, release }
}
