import { describe, expect, it } from 'vitest'
import { startGFluxFunction, TESTED_RUNTIMES } from './gflux-function.ts'

describe.concurrent.each(TESTED_RUNTIMES)('an API that hangs, on %s,', (runtime) => {
  it.each([
    ['before', ''],
    ['after', 'await enableAfterResponse(gflux)'],
  ])('costs 20 warm invocations one bounded wait in all: flush %s the response', async (mode, enable) => {
    const source = `${enable}
      export const handler = withGFlux(gflux, async () => { trackMany(3); return 'done' })`
    await using started = await startGFluxFunction(source, { runtime, config: 'timeoutMs: 1000' })
    const { environment, ingest } = started
    await environment.invoke()
    ingest.reset()
    const recover = ingest.fail({ hang: true, times: Number.POSITIVE_INFINITY })

    const invocations = await environment.invokeMany(Array(20).fill('event'))
    recover()
    await environment.sleepFrozen(5000) // what failed first is left alone for so long
    await environment.invoke()

    const held = invocations.map(({ startedAt, frozenAt = Infinity }) => frozenAt - startedAt)
    const [first = 0, ...others] = held
    const rest = others.reduce((sum, ms) => sum + ms)
    console.log(
      `${runtime}, flush ${mode} the response: an API that hangs costs ${Math.round(first)} ms in the first ` +
        `of 20 invocations and ${Math.round(rest)} ms in the others together`,
    )
    expect(invocations.map(({ response }) => response?.json)).toEqual(Array(20).fill('done'))
    expect(rest).toBeLessThan(first)
    expect(ingest.stats).toMatchObject({ stored: 3 * 21, duplicates: 0 })
  })
})
