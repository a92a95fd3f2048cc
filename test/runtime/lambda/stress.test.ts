import { describe, expect, it } from 'vitest'
import { createTestIngest, type Failure, type TestIngest } from '../../../ingest/index.ts'
import { seededRandom } from '../../support/random.ts'
import { startGFluxFunction, TESTED_RUNTIMES } from './gflux-function.ts'
import type { Invocation } from './harness/index.ts'

const INVOCATIONS = 100
/** After so many the environment is shut down, and the next one started. */
const LIFE = 10
const MAX_EVENTS = 60
const MAX_FREEZE_MS = 6000
const seed = Number(process.env['STRESS_SEED'] ?? 2)

const FAILURES: readonly Failure[] = [
  { status: 503 },
  { reset: 'before' },
  { reset: 'after' },
  { hang: true },
  { body: 'truncated' },
]
/** Drawn one after the other, they strike one request in four. */
const share = 1 - 0.75 ** (1 / FAILURES.length)

const MODES = [
  ['before', ''],
  ['after', 'await enableAfterResponse(gflux)'],
] as const

/** Numbers that lie near 0 mostly, so that a few freezes are long and all of them together are not. */
function nearZero(random: () => number): number {
  return random() ** 20
}

interface Stress {
  readonly ingest: TestIngest
  readonly invocations: readonly Invocation[]
  /** The ids that handlers said they tracked. */
  readonly tracked: readonly number[]
  readonly frozenMs: number
}

async function stress(runtime: (typeof TESTED_RUNTIMES)[number], enable: string): Promise<Stress> {
  const random = seededRandom(seed)
  const ingest = createTestIngest({ random: seededRandom(-seed) })
  for (const failure of FAILURES) ingest.fail({ ...failure, share })
  const invocations: Invocation[] = []
  const tracked: number[] = []
  let next = 0
  let frozenMs = 0
  while (invocations.length < INVOCATIONS) {
    const source = `${enable}
      export const handler = withGFlux(gflux, async ({ first, count }) => {
        const ids = Array.from({ length: count }, (_, index) => first + index)
        for (const id of ids) void gflux.track('opened', { userId: 'user_1', properties: { id } })
        return ids
      }, { maxFlushMs: 20_000 })`
    const config = 'flushAt: 20, concurrency: 4, timeoutMs: 400, maxRetries: 5'
    const options = { runtime, ingest, config, latencyMs: 0, timeoutMs: 30_000 }
    await using started = await startGFluxFunction(source, options)
    for (let turn = 0; turn < LIFE; turn += 1) {
      const freezeMs = Math.round(MAX_FREEZE_MS * nearZero(random))
      const count = 1 + Math.floor(MAX_EVENTS * random())
      await started.environment.sleepFrozen(freezeMs)
      const invocation = await started.environment.invoke({ first: next, count })
      invocations.push(invocation)
      tracked.push(...((invocation.response?.json ?? []) as number[]))
      next += count
      frozenMs += freezeMs
    }
    await started.environment.shutdown()
  }
  return { ingest, invocations, tracked, frozenMs }
}

describe.concurrent.each(TESTED_RUNTIMES)(`under stress, with STRESS_SEED=${seed}, on %s`, (runtime) => {
  it.each(MODES)(
    'every event is stored once: flush %s the response',
    async (mode, enable) => {
      const { ingest, invocations, tracked, frozenMs } = await stress(runtime, enable)

      const stored = ingest.events.map(({ properties }) => properties?.['id'])
      const lost = tracked.filter((id) => !stored.includes(id)).length
      const duplicates = stored.length - new Set(stored).size
      const struck = ingest.requests.filter(({ failure }) => failure)
      console.log(
        `${runtime}, flush ${mode} the response: ${invocations.length} invocations in ${INVOCATIONS / LIFE} environments, ` +
          `${frozenMs} ms frozen, ${struck.length} of ${ingest.requests.length} requests failed: ` +
          `${tracked.length} events tracked, ${stored.length} stored, ${lost} lost, ${duplicates} duplicates`,
      )
      expect(invocations.filter(({ response, timedOut }) => timedOut || !response)).toEqual([])
      expect({ lost, duplicates, unknown: stored.length - tracked.length }).toEqual({
        lost: 0,
        duplicates: 0,
        unknown: 0,
      })
      expect(new Set(struck.map(({ failure }) => JSON.stringify(failure))).size).toBe(FAILURES.length)
      expect(ingest.stats.keyConflicts).toBe(0)
    },
    180_000,
  )
})
