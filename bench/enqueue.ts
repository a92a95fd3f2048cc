import { initGFluxNode } from '@getfluxly/node'
import { compare } from './compare.ts'
import type { Row } from './row.ts'
import { EVENT_INPUT, EVENT_NAME, ONLY_QUEUE } from './sample.ts'

const FEW = 1_000
const MANY = 100_000
/** Calls in one synchronous run of code. */
const BURST = 100
const GOAL = 1.5

/** Whether a full queue makes queueing slower: the mean cost of filling a queue, all the way up. */
export async function measureEnqueue(): Promise<Row[]> {
  const { ours, baseline, ratio } = await compare(
    { ours: () => timePerEvent(MANY, 1), baseline: () => timePerEvent(FEW, 20) },
    { rounds: 9 },
  )
  return [
    {
      what: 'enqueue: per event up to 100,000 / up to 1,000',
      ours: { value: ours * 1000, unit: 'µs' },
      baseline: { value: baseline * 1000, unit: 'µs' },
      ratio,
      goal: `<= ${GOAL}x`,
      isMet: ratio <= GOAL,
    },
  ]
}

async function timePerEvent(events: number, clients: number): Promise<number> {
  let time = 0
  for (let client = 0; client < clients; client++) {
    const gflux = initGFluxNode(ONLY_QUEUE)
    const startedAt = performance.now()
    for (let index = 0; index < events; index++) {
      void gflux.track(EVENT_NAME, EVENT_INPUT)
      if (index % BURST === BURST - 1) await undefined
    }
    time += performance.now() - startedAt
  }
  return time / (events * clients)
}
