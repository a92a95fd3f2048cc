import { describe, expect, it } from 'vitest'
import { startGFluxFunction, TESTED_RUNTIMES, TWO_BATCHES } from './gflux-function.ts'
import type { ExtensionFaults } from './harness/index.ts'

/** What it tracks in its second invocation stays queued; the first one has opened the connection. */
const BEFORE = `
  const handle = async () => { trackMany(); return process.listenerCount('SIGTERM') }
  const flushed = withGFlux(gflux, handle)
  const left = withGFlux(gflux, handle, { maxFlushMs: 0 })
  let count = 0
  export const handler = (event, context) => (count++ ? left : flushed)(event, context)`
const HANDLER = `await enableAfterResponse(gflux) ${BEFORE}`
/** The same by the middleware, in what middy does at each request. */
const MIDDLEWARE = `
  const flushed = gfluxMiddleware(gflux)
  const left = gfluxMiddleware(gflux, { maxFlushMs: 0 })
  let count = 0
  export const handler = async (event, context) => {
    const middleware = count++ ? left : flushed
    const request = { context, internal: {} }
    middleware.before(request)
    trackMany()
    await middleware.after(request)
  }`

describe.each(TESTED_RUNTIMES)('at the end of an environment of %s', (runtime) => {
  // Both batches at once, as by default: the window is short for one after the other on a busy machine.
  const quick = { runtime, latencyMs: 5, config: 'concurrency: 4' }

  it.each<[title: string, source: string, extensions?: ExtensionFaults]>([
    ['in after-response mode', HANDLER],
    ['beside an extension of somebody else', BEFORE, { others: 1 }],
    ['beside one, by the middleware', MIDDLEWARE, { others: 1 }],
    ['beside one, where the registration was refused', HANDLER, { others: 1, refuse: 403 }],
  ])(
    'what is queued is flushed, and the process dies of the signal, %s',
    async (_title, source, extensions) => {
      await using started = await startGFluxFunction(source, { ...quick, ...(extensions && { extensions }) })
      const { environment, ingest, storedAtFreeze } = started
      await environment.invokeMany([1, 2])

      const { signal, code, killedAt } = await environment.shutdown()

      expect({ signal, code, killedAt }).toEqual({ signal: 'SIGTERM', code: null, killedAt: undefined })
      expect(storedAtFreeze).toEqual([TWO_BATCHES, TWO_BATCHES])
      expect(ingest.events).toHaveLength(2 * TWO_BATCHES)
    },
  )

  it.each([
    ['hangs', { hang: true }],
    ['fails', { status: 503 }],
  ] as const)(
    'an API that %s costs the process its window, not more, and no retry',
    async (_title, failure) => {
      await using started = await startGFluxFunction(HANDLER, quick)
      const { environment, ingest } = started
      await environment.invokeMany([1, 2])
      ingest.reset()
      ingest.fail({ ...failure, times: Number.POSITIVE_INFINITY })

      const { signal, killedAt } = await environment.shutdown()

      expect([signal, killedAt]).toEqual(['SIGTERM', undefined])
      const keys = ingest.requests.map(({ idempotencyKey }) => idempotencyKey)
      expect(new Set(keys).size).toBe(keys.length)
    },
  )

  it('an API that was down is tried once more: there is no later flush', async () => {
    const options = { runtime, latencyMs: 0, config: 'maxRetries: 0' }
    const source = `await enableAfterResponse(gflux)
      export const handler = withGFlux(gflux, async (count) => { trackMany(count) })`
    await using started = await startGFluxFunction(source, options)
    const { environment, ingest, storedAtFreeze } = started
    await environment.invoke(1)
    const recover = ingest.fail({ status: 503, times: Number.POSITIVE_INFINITY })
    await environment.invokeMany([1, 1, 1])
    recover()

    await environment.shutdown()

    expect(storedAtFreeze).toEqual([1, 1, 1, 1])
    expect(ingest.events).toHaveLength(4)
  })

  it.each([
    ['is flushed too', true],
    ['and the rest are told of where they can’t be sent', false],
  ])('what another listener tracks %s', async (_title, recovers) => {
    const source = `await enableAfterResponse(gflux)
      process.once('SIGTERM', () => { gflux.track('ended', { userId: 'user_1' }) })
      export const handler = withGFlux(gflux, async () => trackMany(1))`
    await using started = await startGFluxFunction(source, { runtime, latencyMs: 0, config: 'maxRetries: 0' })
    const { environment, ingest, warnings } = started
    await environment.invoke()
    const recover = ingest.fail({ status: 503, times: Number.POSITIVE_INFINITY })
    await environment.invoke()
    if (recovers) recover()

    await environment.shutdown()

    const told = 'GFlux: The process ends with events that could not be sent {"events":2}'
    expect(warnings().filter((line) => line.includes(told))).toHaveLength(recovers ? 0 : 1)
    expect(ingest.events.map(({ event }) => event)).toEqual(
      recovers ? ['opened', 'opened', 'ended'] : ['opened'],
    )
  })

  it('another listener decides how the process ends', async () => {
    const source = `
      process.once('SIGTERM', async () => {
        await sleep(200)
        console.log('cleaned up')
        process.kill(process.pid, 'SIGUSR2')
      })
      ${HANDLER}`
    await using started = await startGFluxFunction(source, quick)
    const { environment, ingest } = started
    const [invocation] = await environment.invokeMany([1, 2])

    const { signal } = await environment.shutdown()

    expect(invocation?.response?.json).toBe(2)
    expect(signal).toBe('SIGUSR2')
    expect(environment.output).toContain('cleaned up')
    expect(ingest.events).toHaveLength(2 * TWO_BATCHES)
  })

  it('nobody listens before the first invocation, and one listener serves all clients', async () => {
    const source = `
      const other = initGFluxNode({ token: 'gflux_secret_test', apiHost: process.env.INGEST_URL })
      const count = () => process.listenerCount('SIGTERM')
      const wrapped = withGFlux(other, withGFlux(gflux, async () => count()))
      const before = count()
      export const handler = async (event, context) => [before, count(), await wrapped(event, context)]`
    await using started = await startGFluxFunction(source, quick)

    const invocations = await started.environment.invokeMany([1, 2])

    expect(invocations.map(({ response }) => response?.json)).toEqual([
      [0, 0, 1],
      [0, 1, 1],
    ])
  })
})
