import { type Environment, startEnvironment } from '../test/runtime/lambda/harness/index.ts'
import { median } from './compare.ts'
import { startIngestProcess } from './ingest-process.ts'
import type { Row } from './row.ts'
import { TOKEN } from './sample.ts'
import { measureWrapper } from './wrapper.ts'

const ROUNDS = 200
const WARM_UPS = 10
const EVENTS = 3
const API_LATENCY_MS = 50
const GOAL_MS = 1

const TRACKING = `
  import { initGFluxNode } from '@getfluxly/node'
  import { enableAfterResponse, withGFlux } from '@getfluxly/node/lambda'
  const gflux = initGFluxNode({ token: '${TOKEN}', apiHost: process.env.API_HOST })
  export const handler = withGFlux(gflux, async ({ round }) => {
    for (let event = 0; event < ${EVENTS}; event++) void gflux.track('opened', { userId: 'user_1', properties: { round } })
    return { statusCode: 200 }
  })`
const SOURCES = {
  bare: 'export const handler = async () => ({ statusCode: 200 })',
  before: TRACKING,
  after: `${TRACKING}\n await enableAfterResponse(gflux)`,
}
type Mode = keyof typeof SOURCES

interface Sample {
  /** Milliseconds until the response. */
  readonly response: number
  /** Milliseconds until the freeze. */
  readonly held: number
}

/** Warm invocations on AWS's runtime client, by a handler that does the same without this package. */
export async function measureLambda(): Promise<Row[]> {
  const { urls, counts, stop } = await startIngestProcess(API_LATENCY_MS)
  const started: Environment[] = []
  const start = async (mode: Mode, apiHost: string): Promise<Environment> => {
    const environment = await startEnvironment({
      files: { 'index.mjs': SOURCES[mode] },
      env: { API_HOST: apiHost },
    })
    started.push(environment)
    return environment
  }
  try {
    const samples = await takeSamples({
      bare: await start('bare', ''),
      before: await start('before', urls[0]),
      after: await start('after', urls[1]),
    })
    const [before, after] = await counts()
    return [
      ...rowsOf('before', samples),
      ...rowsOf('after', samples),
      arrivedRow(before.events + after.events),
      await measureWrapper(),
    ]
  } finally {
    for (const environment of started) await environment.close()
    stop()
  }
}

/** The environments take turns, each round another one first. */
async function takeSamples(environments: Record<Mode, Environment>): Promise<Record<Mode, Sample[]>> {
  const samples: Record<Mode, Sample[]> = { bare: [], before: [], after: [] }
  const modes = Object.keys(environments) as Mode[]
  for (let round = 0; round < WARM_UPS + ROUNDS; round++) {
    for (let turn = 0; turn < modes.length; turn++) {
      const mode = modes[(round + turn) % modes.length] as Mode
      const { startedAt, respondedAt = NaN, frozenAt = NaN } = await environments[mode].invoke({ round })
      if (round >= WARM_UPS)
        samples[mode].push({ response: respondedAt - startedAt, held: frozenAt - startedAt })
    }
  }
  return samples
}

function rowsOf(mode: 'before' | 'after', samples: Record<Mode, Sample[]>): Row[] {
  const bare = samples.bare.map(({ response }) => response)
  const ours = samples[mode].map(({ response }) => response)
  const added = median(ours.map((time, round) => time - (bare[round] ?? NaN)))
  const row = (what: string, value: (times: readonly number[]) => number): Row => ({
    what: `lambda, flush ${mode} the response: ${what} / bare`,
    ours: { value: value(ours), unit: 'ms' },
    baseline: { value: value(bare), unit: 'ms' },
    ratio: value(ours) / value(bare),
  })
  return [
    row('response, median', median),
    row('response, p99', (times) => percentile(times, 0.99)),
    {
      what: `lambda, flush ${mode} the response, an API that takes ${API_LATENCY_MS} ms: added, median`,
      ours: { value: added, unit: 'ms' },
      ...(mode === 'after' && { goal: `<= ${GOAL_MS} ms`, isMet: added <= GOAL_MS }),
    },
    {
      what: `lambda, flush ${mode} the response: until the freeze, median`,
      ours: { value: median(samples[mode].map(({ held }) => held)), unit: 'ms' },
      baseline: { value: median(samples.bare.map(({ held }) => held)), unit: 'ms' },
    },
  ]
}

function arrivedRow(arrived: number): Row {
  const tracked = 2 * (WARM_UPS + ROUNDS) * EVENTS
  return {
    what: 'lambda: events arrived / tracked',
    ours: { value: arrived, unit: '' },
    baseline: { value: tracked, unit: '' },
    goal: 'all',
    isMet: arrived === tracked,
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
}
