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
})
