import { describe, expect, it } from 'vitest'
import { startGFluxFunction, TESTED_RUNTIMES, TWO_BATCHES } from './gflux-function.ts'

describe.each(TESTED_RUNTIMES)('the deadline on %s', (runtime) => {
  const source = `export const handler = withGFlux(gflux, async () => { trackMany(); return 'done' })`

  it('ends a flush in time, and what was not sent goes with the next invocation', async () => {
    await using started = await startGFluxFunction(source, { runtime })
    const { environment, ingest, storedAtFreeze } = started
    await environment.invoke()
    ingest.reset()
    ingest.fail({ hang: true })

    const late = await environment.invoke(null, { timeoutMs: 1000 })
    const next = await environment.invoke()

    expect([late.response?.json, late.timedOut]).toEqual(['done', false])
    expect(late.frozenAt).toBeLessThan(late.deadlineAt)
    expect(next.response?.json).toBe('done')
    expect(storedAtFreeze).toEqual([TWO_BATCHES, 0, 2 * TWO_BATCHES])
    expect(ingest.stats.duplicates).toBe(0)
  })

  it('that has no time left for a flush lets it send nothing', async () => {
    const slow = `export const handler = withGFlux(gflux, async (ms) => { await sleep(ms); trackMany(); return 'done' })`
    await using started = await startGFluxFunction(slow, { runtime })
    const { environment, ingest, storedAtFreeze } = started

    await environment.invoke(0)
    const late = await environment.invoke(750, { timeoutMs: 1000 })
    const requests = ingest.stats.requests
    await environment.invoke(0)

    expect([late.response?.json, late.timedOut]).toEqual(['done', false])
    expect(requests).toBe(2)
    expect(storedAtFreeze).toEqual([TWO_BATCHES, TWO_BATCHES, 3 * TWO_BATCHES])
  })

  it.each([
    ['before the response', ''],
    ['after it', 'await enableAfterResponse(gflux)'],
  ])('that kills a handler finds its events sent, where they go %s', async (_title, mode) => {
    const stuck = `${mode}
      export const handler = withGFlux(gflux, async () => { trackMany(); await sleep(60_000) })`
    await using started = await startGFluxFunction(stuck, { runtime, latencyMs: 50 })
    const { environment, ingest } = started
    ingest.fail({ status: 503 })

    const { timedOut } = await environment.invoke(null, { timeoutMs: 3000 })

    expect(timedOut).toBe(true)
    expect(ingest.events).toHaveLength(TWO_BATCHES)
    expect(ingest.stats.duplicates).toBe(0)
  })

  it('far away, maxFlushMs ends it', async () => {
    const bounded = `export const handler = withGFlux(gflux, async () => { trackMany(); return 'done' }, { maxFlushMs: 200 })`
    await using started = await startGFluxFunction(bounded, { runtime, latencyMs: 0 })
    const { environment, ingest } = started
    ingest.fail({ hang: true, times: Number.POSITIVE_INFINITY })

    const { response, respondedAt = 0, startedAt, deadlineAt } = await environment.invoke()

    expect(response?.json).toBe('done')
    expect(respondedAt - startedAt).toBeLessThan((deadlineAt - startedAt) / 2)
  })
})
