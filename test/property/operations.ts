import fc from 'fast-check'
import type { IfDown } from '../../src/index.ts'
import type { Fate } from '../support/virtual-api.ts'

/** What a program may do with a client, all in one run of its code. */
export type Call =
  | { readonly kind: 'track'; readonly count: number; readonly padding: number; readonly isBad: boolean }
  | { readonly kind: 'identify' }
  | {
      readonly kind: 'flush'
      readonly timeoutMs?: number
      readonly ifDown?: IfDown
      readonly abortsAfter?: number
    }
  | { readonly kind: 'shutdown'; readonly timeoutMs?: number }

/** What may happen, one after another. */
export type Operation =
  | { readonly kind: 'invoke'; readonly calls: readonly Call[] }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'freeze'; readonly ms: number }
  /** The nth invocation that still waits for something is cancelled. */
  | { readonly kind: 'abandon'; readonly nth: number }
  /** What the next requests meet, over and over. */
  | { readonly kind: 'api'; readonly fates: readonly Fate[] }

export interface Setup {
  readonly seed: number
  readonly config: {
    readonly flushAt: number
    readonly flushIntervalMs: number
    readonly maxRetries: number
    readonly timeoutMs: number
    readonly maxQueueSize: number
    readonly maxQueueBytes: number
    readonly concurrency: number
  }
  readonly hasLifetime: boolean
  /** Does a journal choose the keys, and take a while to record an event? */
  readonly hasJournal: boolean
  /** Above this many events the API answers 413. */
  readonly maxEvents: number
}

export interface Scenario {
  readonly setup: Setup
  readonly operations: readonly Operation[]
}

/** What a suite is about: how often things happen. */
export interface Weights {
  readonly freeze?: number
  readonly abandon?: number
  readonly shutdown?: number
  readonly padding?: fc.Arbitrary<number>
  readonly queue?: fc.Arbitrary<Pick<Setup['config'], 'maxQueueSize' | 'maxQueueBytes'>>
  readonly maxEvents?: fc.Arbitrary<number>
  readonly journal?: fc.Arbitrary<boolean>
  readonly lifetime?: fc.Arbitrary<boolean>
  readonly flushIntervalMs?: fc.Arbitrary<number>
}

const DAY = 86_400_000
const ms = (...values: number[]): fc.Arbitrary<number> => fc.constantFrom(...values)

const retryAfter: fc.Arbitrary<Fate['retryAfter']> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.constantFrom(1, 3, 20, 45, 120) },
  {
    weight: 1,
    arbitrary: fc.record({ dateIn: fc.constantFrom(2, 10, 60) }),
  },
  { weight: 1, arbitrary: fc.constantFrom('0', 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT') },
)

const latencyMs = ms(0, 2, 20, 20, 90, 400, 3_000, 9_000)
const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ latencyMs }) },
  {
    weight: 4,
    arbitrary: fc.record({ gets: fc.constantFrom(408, 425, 429, 500, 503), retryAfter, latencyMs }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      gets: fc.constantFrom(500, 502, 504),
      body: fc.constantFrom('Bad gateway', ''),
      stores: fc.boolean(),
      latencyMs,
    }),
  },
  { weight: 1, arbitrary: fc.record({ gets: fc.constantFrom(400, 401, 403, 404, 413), latencyMs }) },
  { weight: 1, arbitrary: fc.record({ gets: fc.constantFrom(302, 307), body: fc.constant(''), latencyMs }) },
  {
    weight: 3,
    arbitrary: fc.record({
      gets: fc.constant('hang' as const),
      stores: fc.boolean(),
      ignoresAbort: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ gets: fc.constant('reset' as const), stores: fc.boolean(), latencyMs }),
  },
  { weight: 1, arbitrary: fc.record({ gets: fc.constant('refused' as const), latencyMs }) },
  {
    weight: 2,
    arbitrary: fc.record({
      gets: fc.constantFrom('truncated' as const, 'not-json' as const, 'wrong-shape' as const),
      latencyMs,
    }),
  },
)

/** An outage is one thing over and over; a bad day is a bit of everything; often all is well. */
const fates: fc.Arbitrary<Fate[]> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Fate[]>([]) },
  { weight: 2, arbitrary: fate.map((only) => [only]) },
  { weight: 2, arbitrary: fc.array(fate, { minLength: 2, maxLength: 5 }) },
)

const ifDown = fc.constantFrom<(IfDown | undefined)[]>(undefined, 'try', 'skip', 'wait')
const budgetMs = fc.option(ms(0, 50, 300, 2_000, 10_000, 30_000), { nil: undefined })

function callOf({ padding, shutdown = 0 }: Weights): fc.Arbitrary<Call> {
  const track = fc.record({
    kind: fc.constant('track' as const),
    count: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 6 }) }, fc.constantFrom(20, 51, 120)),
    padding: padding ?? fc.constantFrom(0, 0, 100),
    isBad: fc.integer({ min: 0, max: 5 }).map((draw) => draw === 5),
  })
  const flush = fc.record({
    kind: fc.constant('flush' as const),
    timeoutMs: budgetMs,
    ifDown,
    abortsAfter: fc.option(ms(0, 10, 200, 5_000), { nil: undefined, freq: 4 }),
  })
  return fc.oneof(
    { weight: 6, arbitrary: track },
    { weight: 1, arbitrary: fc.constant({ kind: 'identify' as const }) },
    { weight: 4, arbitrary: flush },
    {
      weight: shutdown,
      arbitrary: fc.record({ kind: fc.constant('shutdown' as const), timeoutMs: budgetMs }),
    },
  ) as fc.Arbitrary<Call>
}

function operationOf(weights: Weights): fc.Arbitrary<Operation> {
  const call = callOf(weights)
  const calls = fc.oneof(
    { weight: 3, arbitrary: call.map((only) => [only]) },
    { weight: 2, arbitrary: fc.array(call, { minLength: 2, maxLength: 4 }) },
  )
  const frozenMs = fc.oneof(
    ms(200, 3_000, 7_000, 70_000, 3_600_000),
    fc.integer({ min: -30, max: 30 }).map((around) => DAY + around),
    ms(DAY + 60_000, 2 * DAY),
  )
  return fc.oneof(
    { weight: 10, arbitrary: calls.map((list) => ({ kind: 'invoke' as const, calls: list })) },
    {
      weight: 6,
      arbitrary: ms(0, 1, 15, 100, 600, 2_000, 7_000, 40_000).map((duration) => ({
        kind: 'advance' as const,
        ms: duration,
      })),
    },
    { weight: 4, arbitrary: fates.map((list) => ({ kind: 'api' as const, fates: list })) },
    {
      weight: weights.freeze ?? 1,
      arbitrary: frozenMs.map((duration) => ({ kind: 'freeze' as const, ms: duration })),
    },
    {
      weight: weights.abandon ?? 1,
      arbitrary: fc.nat({ max: 3 }).map((nth) => ({ kind: 'abandon' as const, nth })),
    },
  )
}

const roomyQueue = fc.constant({ maxQueueSize: 1000, maxQueueBytes: 5 * 1024 * 1024 })

export function scenarioOf(weights: Weights): fc.Arbitrary<Scenario> {
  const config = fc
    .tuple(
      fc.record({
        flushAt: fc.constantFrom(1, 3, 20, 60, 1000),
        flushIntervalMs: weights.flushIntervalMs ?? fc.constant(0),
        maxRetries: fc.integer({ min: 0, max: 3 }),
        timeoutMs: ms(0, 300, 5_000, 5_000),
        concurrency: fc.integer({ min: 1, max: 4 }),
      }),
      weights.queue ?? roomyQueue,
    )
    .map(([rest, queue]) => ({ ...rest, ...queue }))
  const setup = fc.record({
    seed: fc.nat(),
    config,
    hasLifetime: weights.lifetime ?? fc.constant(false),
    hasJournal: weights.journal ?? fc.constant(false),
    maxEvents: weights.maxEvents ?? fc.constant(1000),
  })
  const operations = fc.array(operationOf(weights), { minLength: 1, maxLength: 25, size: 'max' })
  return fc.record({ setup, operations })
}
