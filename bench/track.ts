import { initGFluxNode } from '@getfluxly/node'
import { captureBodies } from './capture.ts'
import { compare } from './compare.ts'
import type { Row } from './row.ts'
import { EVENT_INPUT, EVENT_NAME, ONLY_QUEUE } from './sample.ts'

const CALLS = 1_000
const GOAL = 3

/** What a call costs, its promise included, by what writing the same event as JSON costs. */
export async function measureTrack(): Promise<Row[]> {
  const [body = ''] = await captureBodies(1)
  const event: unknown = JSON.parse(body).events[0]
  const bytes = JSON.stringify(event).length
  const { ours, baseline, ratio } = await compare(
    { ours: timeTrack, baseline: () => timeStringify(event, bytes) },
    { rounds: 300, warmUps: 30 },
  )
  return [
    {
      what: `track() of ${bytes} bytes / JSON.stringify`,
      ours: { value: (ours / CALLS) * 1000, unit: 'µs' },
      baseline: { value: (baseline / CALLS) * 1000, unit: 'µs' },
      ratio,
      goal: `<= ${GOAL}x`,
      isMet: ratio <= GOAL,
    },
  ]
}

async function timeTrack(): Promise<number> {
  const gflux = initGFluxNode(ONLY_QUEUE)
  const startedAt = performance.now()
  for (let index = 0; index < CALLS; index++) void gflux.track(EVENT_NAME, EVENT_INPUT)
  await undefined // the microtasks of the calls are part of their price
  return performance.now() - startedAt
}

async function timeStringify(event: unknown, bytes: number): Promise<number> {
  let written = 0
  const startedAt = performance.now()
  for (let index = 0; index < CALLS; index++) written += JSON.stringify(event).length
  await undefined
  const time = performance.now() - startedAt
  if (written !== CALLS * bytes) throw new Error('JSON.stringify wrote something else')
  return time
}
