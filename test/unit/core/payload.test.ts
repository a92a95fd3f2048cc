import { describe, expect, it } from 'vitest'
import { errorOf, openClient, PERSONAL, PERSONAL_NUMBER, untyped } from '../../support/client.ts'
import { type BadCall, expectRefused } from './refusal.ts'

class Invoice {
  email = PERSONAL
}

const cycle: Record<string, unknown> = { email: PERSONAL }
cycle['self'] = { inner: [cycle] }

const throwing = {
  get email(): string {
    throw new Error(PERSONAL)
  },
}

function nest(depth: number): unknown {
  let value: unknown = PERSONAL
  for (let level = 0; level < depth; level += 1) value = [value]
  return value
}

const notObjects: readonly (readonly [string, unknown])[] = [
  ['an array', [PERSONAL]],
  ['a Date', new Date()],
  ['a Map', new Map([['email', PERSONAL]])],
  ['a Set', new Set([PERSONAL])],
  ['a class instance', new Invoice()],
  ['an Error', new Error(PERSONAL)],
  ['a promise', Promise.resolve(PERSONAL)],
  ['a URLSearchParams', new URLSearchParams({ email: PERSONAL })],
  ['a string', PERSONAL],
  ['an empty string', ''],
  ['a number', PERSONAL_NUMBER],
  ['a boolean', false],
  ['a function', () => PERSONAL],
  ['a symbol', Symbol(PERSONAL)],
  ['null', null],
  ['an object that says itself what its JSON is', { toJSON: () => [PERSONAL] }],
]

const notJson: readonly (readonly [string, unknown])[] = [
  ['a cycle', cycle],
  ['a BigInt', 10n],
  ['a boxed BigInt', Object(10n)],
  ['what is nested too deep', nest(100_000)],
  ['a throwing getter', throwing],
  [
    'a throwing toJSON',
    {
      toJSON() {
        throw new Error(PERSONAL)
      },
    },
  ],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['an invalid Date', new Date('no date')],
  ['a toJSON that gives NaN', { toJSON: () => Number.NaN }],
]

function keys(count: number): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`key_${index}`, index]))
}

describe('what is not a plain object', () => {
  it('is not run, though it be a query that runs when it is awaited', async () => {
    const { gflux } = openClient()
    let runs = 0
    class Query {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is about
      then(): void {
        runs++
      }
    }

    await errorOf(() => gflux.track('opened', { userId: 'u', properties: new Query() }))
    await new Promise((resolve) => setTimeout(resolve, 5))

    expect(runs).toBe(0)
  })

  it('is named by its class', async () => {
    const { gflux } = openClient()

    const error = await errorOf(() => gflux.track('opened', { userId: 'u', properties: new Invoice() }))

    expect(error.message).toBe('Expected `properties` to be a plain object, got Invoice')
  })

  it.each<BadCall>([
    ...notObjects.flatMap(([what, value]): BadCall[] => [
      [`${what} as properties`, 'properties', (gflux) => track(gflux, { properties: value })],
      [`${what} as context`, 'context', (gflux) => track(gflux, { context: value })],
      [`${what} as traits`, 'traits', (gflux) => identify(gflux, { traits: value })],
      [`${what} as the input of track`, 'input', (gflux) => gflux.track('opened', untyped(value))],
    ]),
  ])('is refused: %s', async (...call) => {
    await expectRefused(call)
  })
})

describe('what JSON can not hold', () => {
  it.each<BadCall>(
    notJson.flatMap(([what, value]): BadCall[] => [
      [`${what} in properties`, 'bad', (gflux) => track(gflux, { properties: { bad: value } })],
      [
        `${what} deep in properties`,
        'bad',
        (gflux) => track(gflux, { properties: { list: [0, { bad: value }] } }),
      ],
      [`${what} in context`, 'bad', (gflux) => track(gflux, { context: { bad: value } })],
      [`${what} in traits`, 'bad', (gflux) => identify(gflux, { traits: { bad: value } })],
    ]),
  )('is refused: %s', async (...call) => {
    await expectRefused(call)
  })

  it.each(notJson)('is refused in a large object too: %s', async (...[what, value]) => {
    const properties = { ...keys(40), bad: value }

    await expectRefused([what, 'bad', (gflux) => track(gflux, { properties })])
  })

  it.each<BadCall>(
    notJson.map(([what, value]) => [
      what,
      'bad',
      (gflux) => gflux.with({ context: { bad: value } }).track('opened', { userId: 'user_1' }),
    ]),
  )('is refused in a bound context: %s', async (...call) => {
    await expectRefused(call)
  })

  it('names one object met twice no cycle', async () => {
    const { gflux, ingest } = openClient()
    const shared = { plan: null }

    await track(gflux, { properties: { a: shared, b: [shared, shared] } })
    await gflux.flush()

    expect(ingest.events[0]?.properties).toEqual({ a: shared, b: [shared, shared] })
  })

  it('lets an object through whose toJSON gives itself', async () => {
    const { gflux, ingest } = openClient()
    const money = {
      amount: 1,
      note: null,
      toJSON() {
        return this
      },
    }

    await track(gflux, { properties: { money } })
    await gflux.flush()

    expect(ingest.events[0]?.properties).toEqual({ money: { amount: 1, note: null } })
  })
})

describe('what says itself what its JSON is', () => {
  it('may be a date that is no number, beside a null', async () => {
    const { gflux, ingest } = openClient()
    // As Temporal's are.
    const day = {
      [Symbol.toStringTag]: 'Temporal.PlainDate',
      toJSON: () => '2026-01-02',
      valueOf() {
        throw new TypeError('Use compare()')
      },
    }

    await track(gflux, { properties: { day, note: null } })
    await gflux.flush()

    expect(ingest.events[0]?.properties).toEqual({ day: '2026-01-02', note: null })
  })

  it('is refused when it throws, also where it does so but once', async () => {
    let calls = 0
    const moody = {
      toJSON() {
        if (calls++ % 2 === 0) throw new Error(PERSONAL)
        return 1
      },
    }

    await expectRefused(['moody', 'input', (gflux) => track(gflux, { properties: { moody } })])
  })
})

describe('too many properties', () => {
  it('are refused: 33', async () => {
    await expectRefused(['33', 'properties', (gflux) => track(gflux, { properties: keys(33) })])
  })

  it.each([
    ['32', keys(32)],
    ['32 and undefined ones', { ...keys(32), a: undefined, b: () => 1, c: Symbol('c') }],
  ])('are not: %s', async (_what, properties) => {
    const { gflux, ingest } = openClient()

    await track(gflux, { properties })
    await gflux.flush()

    expect(ingest.events[0]?.properties).toEqual(keys(32))
  })

  it('are no limit of traits, which are one property', async () => {
    const { gflux, ingest } = openClient()

    await identify(gflux, { traits: keys(40) })
    await gflux.flush()

    expect(ingest.events[0]?.properties).toEqual({ traits: keys(40) })
  })
})

type Gflux = ReturnType<typeof openClient>['gflux']

function track(gflux: Gflux, input: object): Promise<unknown> {
  return gflux.track('opened', untyped({ userId: 'user_1', ...input }))
}

function identify(gflux: Gflux, input: object): Promise<unknown> {
  return gflux.identify(untyped({ anonymousId: 'anon_1', userId: 'user_1', ...input }))
}
