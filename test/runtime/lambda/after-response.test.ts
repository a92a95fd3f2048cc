import { describe, expect, it } from 'vitest'
import { startGFluxFunction, TESTED_RUNTIMES, TWO_BATCHES } from './gflux-function.ts'
import type { Invocation } from './harness/index.ts'

/** The response's part of the time until the freeze. */
function responseShare({ startedAt, respondedAt = Infinity, frozenAt = 0 }: Invocation): number {
  return (respondedAt - startedAt) / (frozenAt - startedAt)
}

describe.each(TESTED_RUNTIMES)('after-response mode on %s', (runtime) => {
  it('answers first and freezes when every event is stored, each time, also at a retry under the same id', async () => {
    const source = `await enableAfterResponse(gflux)
      export const handler = withGFlux(gflux, async (event) => { trackMany(); return event })`
    const options = { runtime, latencyMs: 200, config: 'flushAt: 20' }
    await using started = await startGFluxFunction(source, options)
    const { environment, ingest, storedAtFreeze, warnings } = started

    const invocations = [await environment.invoke(0)]
    await environment.sleepFrozen(1500)
    invocations.push(...(await environment.invokeMany([1, 2, 3])))
    for (const retry of [4, 5]) invocations.push(await environment.invoke(retry, { requestId: 'same' }))

    expect(invocations.map(({ response }) => response?.json)).toEqual([0, 1, 2, 3, 4, 5])
    for (const invocation of invocations) expect(responseShare(invocation)).toBeLessThan(0.5)
    expect(storedAtFreeze).toEqual([1, 2, 3, 4, 5, 6].map((times) => times * TWO_BATCHES))
    expect(ingest.stats.duplicates).toBe(0)
    expect(warnings()).toEqual([])
  })

  it('answers first with an error, and with a stream that broke off', async () => {
    const source = `await enableAfterResponse(gflux)
      export const handler = withGFlux(gflux, async () => { trackMany(); throw new RangeError('out of it') })
      export const stream = withGFlux(gflux, awslambda.streamifyResponse(async (event, stream) => {
        trackMany()
        stream.write('one')
        throw new RangeError('out of it')
      }))`

    for (const name of ['index.handler', 'index.stream']) {
      await using started = await startGFluxFunction(source, { runtime, handler: name, latencyMs: 200 })
      const failed = await started.environment.invoke()

      expect(failed.error).toMatchObject({ type: 'RangeError', body: { errorMessage: 'out of it' } })
      expect(responseShare({ ...failed, respondedAt: failed.completedAt ?? Infinity })).toBeLessThan(0.5)
      expect(started.storedAtFreeze).toEqual([TWO_BATCHES])
    }
  })

  it('serves several wrappers and clients in one invocation, and a registration for each', async () => {
    const source = `
      const other = initGFluxNode({ token: 'gflux_secret_test', apiHost: process.env.INGEST_URL, flushAt: 1000 })
      await Promise.all([enableAfterResponse(gflux), enableAfterResponse(other)])
      await enableAfterResponse(gflux)
      export const handler = withGFlux(other, withGFlux(gflux, async () => {
        trackMany()
        other.track('opened', { userId: 'user_2' })
        return 'done'
      }))`
    await using started = await startGFluxFunction(source, { runtime, latencyMs: 200 })
    const { environment, storedAtFreeze, warnings } = started

    const invocations = await environment.invokeMany([1, 2])

    for (const invocation of invocations) expect(responseShare(invocation)).toBeLessThan(0.5)
    expect(storedAtFreeze).toEqual([TWO_BATCHES + 1, 2 * (TWO_BATCHES + 1)])
    expect(environment.log.filter(({ kind }) => kind === 'extension-register')).toHaveLength(1)
    expect(warnings()).toEqual([])
  })

  it('freezes when every event is stored where a handler calls wrapped ones, one after the other', async () => {
    const source = `await enableAfterResponse(gflux)
      const wrapped = withGFlux(gflux, async () => { trackMany(); return 'done' })
      export const handler = async (event, context) => {
        await wrapped(event, context)
        await sleep(event.pauseMs)
        return wrapped(event, context)
      }`
    await using started = await startGFluxFunction(source, { runtime, latencyMs: 40 })
    const { environment, storedAtFreeze, warnings } = started

    const invocations = await environment.invokeMany([{ pauseMs: 500 }, { pauseMs: 500 }, { pauseMs: 0 }])
    for (const pauseMs of [500, 0]) {
      invocations.push(await environment.invoke({ pauseMs }, { requestId: 'same' }))
    }

    expect(invocations.map(({ response }) => response?.json)).toEqual(Array(5).fill('done'))
    expect(storedAtFreeze).toEqual([2, 4, 6, 8, 10].map((times) => times * TWO_BATCHES))
    expect(warnings()).toEqual([])
  })

  it('makes no request where nothing was tracked, and lets the environment freeze', async () => {
    const source = `await enableAfterResponse(gflux)
      export const handler = withGFlux(gflux, async () => 'done')`
    await using started = await startGFluxFunction(source, { runtime })
    const { environment, ingest } = started

    const invocations = await environment.invokeMany([1, 2])

    expect(invocations.map(({ response }) => response?.json)).toEqual(['done', 'done'])
    expect(ingest.stats).toMatchObject({ requests: 0, connections: 0 })
  })

  it('ends a flush before the deadline, and sends the rest with the next invocation', async () => {
    const source = `await enableAfterResponse(gflux)
      export const handler = withGFlux(gflux, async () => { trackMany(); return 'done' })`
    await using started = await startGFluxFunction(source, { runtime })
    const { environment, ingest, storedAtFreeze } = started
    await environment.invoke()
    ingest.reset()
    ingest.fail({ hang: true })

    const late = await environment.invoke(null, { timeoutMs: 1000 })
    await environment.invoke()

    expect([late.response?.json, late.timedOut]).toEqual(['done', false])
    expect(storedAtFreeze).toEqual([TWO_BATCHES, 0, 2 * TWO_BATCHES])
    expect(ingest.stats.duplicates).toBe(0)
  })

  it('ends an invocation in which nothing can settle any more as the runtime does, when every event is stored', async () => {
    const source = `await enableAfterResponse(gflux)
      const bare = async (event) => { trackMany(event.count); return event.ends ? 'done' : new Promise(() => {}) }
      const wrapped = withGFlux(gflux, withGFlux(gflux, bare))
      export const handler = (event, context) => (event.isBare ? bare : wrapped)(event, context)`
    await using started = await startGFluxFunction(source, { runtime, timeoutMs: 5000 })
    const { environment, ingest, storedAtFreeze, warnings } = started

    const first = await environment.invoke({ count: TWO_BATCHES })
    const stored = ingest.events.length
    const second = await environment.invoke({ count: TWO_BATCHES, ends: true })
    const frozen = storedAtFreeze.at(-1)
    const bare = await environment.invoke({ count: 0, isBare: true })

    expect(stored).toBe(TWO_BATCHES)
    expect([second.response?.json, frozen]).toEqual(['done', 2 * TWO_BATCHES])
    expect(warnings().filter((warning) => !warning.includes('not wrapped'))).toEqual([])
    for (const { response, error, exited, timedOut } of [first, bare])
      expect([response?.json, error?.type, exited, timedOut]).toEqual(
        runtime === 'node24'
          ? [undefined, 'Runtime.ExitError', { code: 0, signal: null }, false]
          : [null, undefined, undefined, false],
      )
  })
})
