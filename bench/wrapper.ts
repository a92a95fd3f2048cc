import { initGFluxNode } from '@getfluxly/node'
import { withGFlux } from '@getfluxly/node/lambda'
import { compare } from './compare.ts'
import type { Row } from './row.ts'
import { ONLY_QUEUE } from './sample.ts'

const CALLS = 1_000
const GOAL_US = 50

/**
 * What Lambda's wrapper costs where there is nothing to flush. In this process and in a tight loop: a runtime client's
 * noise is far more.
 */
export async function measureWrapper(): Promise<Row> {
  const gflux = initGFluxNode(ONLY_QUEUE)
  const bare = async (_event: object, _context: object): Promise<string> => 'done'
  const wrapped = withGFlux(gflux, bare)
  const { ours, baseline, added } = await compare(
    { ours: () => timeCalls(wrapped), baseline: () => timeCalls(bare) },
    { rounds: 100, warmUps: 20 },
  )
  const addedUs = (added / CALLS) * 1000
  return {
    what: 'lambda: wrapper of a handler that tracks nothing / bare',
    ours: { value: (ours / CALLS) * 1000, unit: 'µs' },
    baseline: { value: (baseline / CALLS) * 1000, unit: 'µs' },
    goal: `<= ${GOAL_US} µs more`,
    isMet: addedUs <= GOAL_US,
  }
}

async function timeCalls(handler: (event: object, context: object) => Promise<string>): Promise<number> {
  const context = { awsRequestId: 'request_1', getRemainingTimeInMillis: () => 3000 }
  const startedAt = performance.now()
  for (let call = 0; call < CALLS; call++) await handler({}, context)
  return performance.now() - startedAt
}
