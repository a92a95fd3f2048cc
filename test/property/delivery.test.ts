import fc from 'fast-check'
import { describe, it } from 'vitest'
import { scenarioOf, type Weights } from './operations.ts'
import { run } from './run.ts'

/** PROPERTY_RUNS=100000 for a longer run, PROPERTY_SEED=… for other runs, or to see a failure again. */
const runs = Number(process.env['PROPERTY_RUNS'] ?? 10_000)
const seed = Number(process.env['PROPERTY_SEED'] ?? 1)

const suites: [share: number, title: string, weights: Weights][] = [
  [0.3, 'stores or reports every event once, whatever the API does', { freeze: 0, abandon: 0 }],
  [0.3, 'stores or reports every event once, whatever is frozen and abandoned', { freeze: 4, abandon: 4 }],
  [
    0.2,
    'keeps its bounds when the queue is small, events are large and the API takes less',
    {
      padding: fc.constantFrom(0, 100, 30_000),
      queue: fc.record({
        maxQueueSize: fc.integer({ min: 1, max: 130 }),
        maxQueueBytes: fc.constantFrom(500, 20_000, 500_000, 5_000_000),
      }),
      maxEvents: fc.constantFrom(0, 1, 7, 40, 1000),
    },
  ],
  [
    0.2,
    'keeps its promises to lifetimes, timers, shutdowns and journals',
    {
      shutdown: 1,
      freeze: 1,
      abandon: 2,
      lifetime: fc.boolean(),
      journal: fc.boolean(),
      flushIntervalMs: fc.constantFrom(0, 500, 5_000),
      maxEvents: fc.constantFrom(1, 1000, 1000),
    },
  ],
]

describe(`delivery, with PROPERTY_SEED=${seed}`, () => {
  it.each(suites)('%f: %s', async (share, _title, weights) => {
    await fc.assert(fc.asyncProperty(scenarioOf(weights), run), { seed, numRuns: Math.ceil(runs * share) })
  })
})
