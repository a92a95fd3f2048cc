import { describe, expect, it } from 'vitest'
import { createTestIngest, type Failure, type TestIngest } from '../../ingest/index.ts'
import { initGFluxNode } from '../../src/index.ts'
import type { Completed, Handler, Platform, RunningApplication, StartOptions } from './platform.ts'

/** So many events take two requests, one after the other: none can pass because it was quick. */
const TWO_BATCHES = 60
const LATENCY_MS = 150

interface Started extends AsyncDisposable {
  readonly application: RunningApplication
  readonly ingest: TestIngest
  /** How many events the API held at the end of each request. */
  readonly storedAtEnd: number[]
  readonly stopApi: () => Promise<void>
}

interface Given extends Partial<StartOptions> {
  readonly flushAt?: number
  readonly latencyMs?: number
}

async function start(platform: Platform, given: Given = {}): Promise<Started> {
  const { flushAt = 1000, latencyMs = LATENCY_MS, ...options } = given
  const ingest = createTestIngest()
  const server = await ingest.listen()
  const storedAtEnd: number[] = []
  const application = await platform.start({
    config: { token: 'gflux_secret_test', apiHost: server.url, flushAt, concurrency: 1 },
    isWrapped: true,
    isConcurrent: false,
    deadlineMs: 10_000,
    onEnd: () => storedAtEnd.push(ingest.events.length),
    ...options,
  })
  if (latencyMs) ingest.fail({ delayMs: latencyMs, times: Number.POSITIVE_INFINITY })
  return {
    application,
    ingest,
    storedAtEnd,
    stopApi: server.close,
    async [Symbol.asyncDispose]() {
      await application[Symbol.asyncDispose]()
      await server.close()
    },
  }
}

/** What every adapter keeps, on the platform itself. */
export function describeContract(platform: Platform): void {
  describe(`the contract on ${platform.name}`, () => {
    it('loses nothing when the handler throws, and passes its error on unchanged', async () => {
      await using wrapped = await start(platform)
      await using bare = await start(platform, { isWrapped: false })
      const request = { user: 'user_1', events: TWO_BATCHES, isFailing: true }

      const failed = await wrapped.application.send(request)
      const expected = await bare.application.send(request)

      expect(failed.error).toBeDefined()
      expect(failed.error).toEqual(expected.error)
      expect([wrapped.storedAtEnd, bare.storedAtEnd]).toEqual([[TWO_BATCHES], [0]])
    })

    it('waits out the pause before a retry', async () => {
      await using started = await start(platform, { latencyMs: 0 })
      const { application, ingest, storedAtEnd } = started
      ingest.fail({ status: 503 })

      const { answer } = await application.send({ user: 'user_1', events: 1 })

      expect(answer).toMatchObject({ user: 'user_1' })
      expect(storedAtEnd).toEqual([1])
      expect(ingest.requests.map(({ status }) => status)).toEqual([503, 202])
    })

    it(platform.hasLifetime ? 'answers before the flush' : 'answers when the flush is over', async () => {
      await using started = await start(platform)
      const { application, ingest, storedAtEnd } = started

      const answered: Completed[] = []
      for (const user of ['user_1', 'user_2'])
        answered.push(await application.send({ user, events: TWO_BATCHES }))

      expect(storedAtEnd).toEqual([TWO_BATCHES, 2 * TWO_BATCHES])
      for (const [index, { respondedAt }] of answered.entries()) {
        const [first, last] = ingest.requests.slice(2 * index)
        if (platform.hasLifetime) expect(respondedAt).toBeLessThan(first?.settledAt ?? 0)
        else expect(respondedAt).toBeGreaterThanOrEqual(last?.settledAt ?? Infinity)
      }
    })

    it('ends the flush before the deadline, and delivers with the next request what was not sent', async () => {
      await using started = await start(platform, { deadlineMs: 1500, latencyMs: 0 })
      const { application, ingest, storedAtEnd } = started
      const recover = ingest.fail({ hang: true, times: Number.POSITIVE_INFINITY })

      const late = await application.send({ user: 'user_1', events: TWO_BATCHES })
      recover()
      const next = await application.send({ user: 'user_2', events: TWO_BATCHES })

      expect([late.answer, late.isCutOff]).toEqual([{ user: 'user_1', served: 1 }, false])
      expect([next.answer, next.isCutOff]).toEqual([{ user: 'user_2', served: 2 }, false])
      expect(storedAtEnd).toEqual([0, 2 * TWO_BATCHES])
      expect(ingest.stats.duplicates).toBe(0)
    })

    const failures: Failure[] = [{ hang: true }, { status: 503 }, { status: 401 }]
    it.each(platform.waitsForApi ? [] : failures)(
      'lets no handler that awaits track() wait for the API, or fail with it: %j',
      async (failure) => {
        await using started = await start(platform, { deadlineMs: 1500, latencyMs: 0, flushAt: 5 })
        const { application, ingest } = started
        ingest.fail({ ...failure, times: Number.POSITIVE_INFINITY })

        const { answer, isCutOff } = await application.send({ user: 'user_1', events: 20, isAwaited: true })

        expect([answer, isCutOff]).toEqual([{ user: 'user_1', served: 1 }, false])
      },
    )

    it('keeps two requests that overlap apart', async () => {
      await using started = await start(platform, { isConcurrent: true })
      const { application, ingest } = started
      const users = ['user_1', 'user_2']

      const answered = await Promise.all(
        users.map((user) => application.send({ user, events: TWO_BATCHES, pauseMs: 300 })),
      )

      const [one, two] = answered as [Completed, Completed]
      expect(Math.max(one.startedAt, two.startedAt)).toBeLessThan(Math.min(one.respondedAt, two.respondedAt))
      expect(answered.map(({ answer }) => answer)).toEqual(
        users.map((user) => ({ user, served: expect.any(Number) })),
      )
      expect(answered.map(({ answer }) => Object(answer).served).sort()).toEqual([1, 2]) // by one process
      expect(ingest.events).toHaveLength(2 * TWO_BATCHES)
      for (const { external_id, context, properties } of ingest.events)
        expect([external_id, context?.['user']]).toEqual(Array(2).fill(properties?.['user']))
      expect(ingest.stats.duplicates).toBe(0)
    })

    it('makes no request where nothing was tracked', async () => {
      await using started = await start(platform)
      const { application, ingest } = started

      const answered = [
        await application.send({ user: 'user_1' }),
        await application.send({ user: 'user_2' }),
      ]

      expect(answered.map(({ answer }) => answer)).toMatchObject([{ served: 1 }, { served: 2 }])
      expect(ingest.stats).toMatchObject({ requests: 0, connections: 0 })
    })

    it('leaks no rejection while the API is down', async () => {
      await using started = await start(platform, { flushAt: 1 })
      const { application, stopApi } = started
      await stopApi()

      const answered: unknown[] = []
      for (const user of ['user_1', 'user_2', 'user_3'])
        answered.push((await application.send({ user, events: 3 })).answer)

      expect(answered).toMatchObject([{ served: 1 }, { served: 2 }, { served: 3 }])
      expect(application.output()).not.toMatch(/unhandled/i)
    })

    const { wrap } = platform
    if (!wrap) return
    it('keeps the arity, name, symbols, this and result of a handler', async () => {
      const gflux = initGFluxNode({ token: 'gflux_secret_test', fetch: createTestIngest().fetch })
      const mark = Symbol('mark')
      async function none(this: unknown) {
        return [this]
      }
      async function two(this: unknown, first: unknown, second: unknown) {
        return [this, first, second]
      }
      const handlers: Handler[] = [none, Object.assign(two, { [mark]: 'marked' })]

      for (const handler of handlers) {
        const wrapped = wrap(gflux, handler)

        expect([wrapped.length, wrapped.name]).toEqual([handler.length, handler.name])
        expect(Reflect.get(wrapped, mark)).toBe(Reflect.get(handler, mark))
        const self = {}
        const input = [{}, {}]
        expect(await Reflect.apply(wrapped, self, input)).toEqual(await Reflect.apply(handler, self, input))
      }
    })
  })
}
