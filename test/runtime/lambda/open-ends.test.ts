import { describe, expect, it } from 'vitest'
import { startGFluxFunction, TESTED_RUNTIMES } from './gflux-function.ts'

/** Node 24 takes no callbacks, and waits for no empty event loop. */
const older = TESTED_RUNTIMES.filter((runtime) => runtime !== 'node24')
const forever = { times: Number.POSITIVE_INFINITY }
const hanging = { hang: true, ...forever } as const
const LOOP = `async () => { await sleep(10); for (let n = 0; n < 25; n++) await gflux.track('opened', { userId: 'u' }); return 'done' }`

describe.each(older)('what waits for an empty event loop on %s', (runtime) => {
  const STREAM = `awslambda.streamifyResponse(async (event, stream) => { trackMany(25); stream.write('done'); stream.end() })`
  const CALLBACK = `(event, context, callback) => { trackMany(25); callback(null, 'done') }`
  const CALLS = `gflux.alias({ userId: 'u', anonymousId: 'a' }); gflux.erase({ id: 'u', reason: 'gdpr_dsr' })`
  const CALLING_STREAM = STREAM.replace('trackMany(25)', CALLS)
  const CALLING_CALLBACK = CALLBACK.replace('trackMany(25)', CALLS)

  it.each([
    ['a stream', STREAM, { status: 429, retryAfter: 20 }],
    ['a stream', STREAM, hanging],
    ['a callback', CALLBACK, { delayMs: 4000, ...forever }],
    ['a callback', CALLBACK, hanging],
    ['a stream with calls', CALLING_STREAM, hanging],
    ['a stream with calls', CALLING_STREAM, { status: 429, retryAfter: 20 }],
    ['a callback with calls', CALLING_CALLBACK, hanging],
  ])(
    'is no function killed for, where a full `flushAt` or a call meets an API that fails: %s',
    async (_, bare, failure) => {
      const source = `export const handler = withGFlux(gflux, ${bare})`
      await using started = await startGFluxFunction(source, {
        runtime,
        latencyMs: 0,
        config: 'flushAt: 20',
        timeoutMs: 3000,
      })
      const { environment, ingest } = started
      ingest.fail(failure)

      const invocations = await environment.invokeMany([1, 2])

      expect(invocations.map(({ timedOut }) => timedOut)).toEqual([false, false])
      expect(environment.log.filter(({ kind }) => kind === 'start')).toHaveLength(1)
    },
  )
})

describe.each(older)('a handler that calls back later on %s', (runtime) => {
  const source = `
    const loop = ${LOOP}
    const looping = withGFlux(gflux, (event, context, callback) => { loop().then((value) => callback(null, value), callback) })
    const slow = withGFlux(gflux, (event, context, callback) => { setTimeout(() => trackMany(3), 300); setTimeout(callback, 20_000) })
    const early = withGFlux(gflux, (event, context) => { trackMany(1); setTimeout(() => context.succeed('done'), 10) })
    const late = withGFlux(gflux, async () => { trackMany(1); setTimeout(() => trackMany(1), 30); return 'done' })
    const shapes = { looping, slow, early, late }
    export const handler = (event, context, callback) => shapes[event](event, context, callback)`

  it('waits for no API meanwhile, and fails with none', async () => {
    await using started = await startGFluxFunction(source, { runtime, latencyMs: 0, config: 'flushAt: 20' })
    started.ingest.fail({ status: 503, ...forever })

    const { response, error } = await started.environment.invoke('looping')

    expect([response?.json, error]).toEqual(['done', undefined])
  })

  it('is flushed before the function’s timeout', async () => {
    await using started = await startGFluxFunction(source, { runtime, timeoutMs: 3000 })

    const { timedOut } = await started.environment.invoke('slow')

    expect(timedOut).toBe(true)
    expect(started.ingest.stats).toMatchObject({ stored: 3, duplicates: 0 })
  })

  it('or never does takes nothing from the next one', async () => {
    await using started = await startGFluxFunction(source, { runtime })
    const { environment, storedAtFreeze } = started

    await environment.invokeMany(['early', 'late'])

    expect(storedAtFreeze[1]).toBe(3)
  })
})

describe.each(TESTED_RUNTIMES)('on %s', (runtime) => {
  it.each(['', 'await enableAfterResponse(gflux)'])(
    'a call that nobody awaits is answered before the freeze %s',
    async (mode) => {
      const source = `${mode}
      export const handler = withGFlux(gflux, async (event) => {
        if (event === 'track') return trackMany(1)
        gflux.erase({ id: 'user_1', reason: 'gdpr_dsr' })
        gflux.alias({ userId: 'u', anonymousId: 'a' })
        return 'done'
      })`
      await using started = await startGFluxFunction(source, { runtime, latencyMs: 0 })
      const { environment, ingest, storedAtFreeze } = started
      await environment.invoke('track')
      ingest.fail({ status: 503 })

      await environment.invoke('call')

      expect(storedAtFreeze).toHaveLength(2)
      expect([ingest.erasures.length, ingest.aliases.length]).toEqual([1, 1])
    },
  )

  it('a bound client that is disposed of waits for no API that hangs', async () => {
    const source = `export const handler = withGFlux(gflux, async () => {
      const requestClient = gflux.with({ userId: 'u' })
      requestClient.track('opened')
      const began = Date.now()
      await requestClient[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]()
      return Date.now() - began
    })`
    await using started = await startGFluxFunction(source, { runtime, latencyMs: 0, timeoutMs: 3000 })
    started.ingest.fail(hanging)

    const invocations = await started.environment.invokeMany([1, 2])

    for (const { response } of invocations) expect(response?.json).toBeLessThan(500)
  })

  it('a flush that the handler awaits ends with its time where the API hangs', async () => {
    const source = `export const handler = withGFlux(gflux, async () => { trackMany(1); return (await gflux.flush()).pending })`
    await using started = await startGFluxFunction(source, { runtime, latencyMs: 0, timeoutMs: 1500 })
    started.ingest.fail(hanging)

    const { response } = await started.environment.invoke()

    expect(response?.json).toBe(1)
  })

  it('a margin of more than the function’s time brings no warning', async () => {
    const source = `export const handler = withGFlux(gflux, async () => { trackMany(1); return 'done' }, { marginMs: 1500 })`
    await using started = await startGFluxFunction(source, { runtime, timeoutMs: 1000 })

    const { response } = await started.environment.invoke()

    expect(response?.json).toBe('done')
    expect(started.environment.output).not.toContain('TimeoutNegativeWarning')
  })

  it('after-response mode survives an invocation whose wrapper begins late', async () => {
    const source = `await enableAfterResponse(gflux)
      const wrapped = withGFlux(gflux, async () => { trackMany(1); return 'done' })
      let secret
      export const handler = async (event, context) => { secret ??= await sleep(1500).then(() => 1); return wrapped(event, context) }`
    await using started = await startGFluxFunction(source, { runtime, latencyMs: 300 })
    const { environment, storedAtFreeze, warnings } = started

    const [, ...warm] = await environment.invokeMany([1, 2, 3])

    for (const { startedAt, respondedAt = Infinity } of warm)
      expect(respondedAt - startedAt).toBeLessThan(300)
    expect(storedAtFreeze).toEqual([1, 2, 3])
    expect(warnings()).toEqual([])
  })
})
