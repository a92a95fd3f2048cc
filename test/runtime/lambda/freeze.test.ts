import { describe, expect, it } from 'vitest'
import { startFlakyServer } from './flaky-server.ts'
import { startGFluxFunction, TESTED_RUNTIMES } from './gflux-function.ts'

describe.each(TESTED_RUNTIMES)('a freeze on %s', (runtime) => {
  const source = `export const handler = withGFlux(gflux, async () => { trackMany(1); return 'done' })`

  it.each(['reset', 'end'] as const)(
    'that outlives a connection (%s at its next request) costs a new one, under the same key',
    async (fault) => {
      await using flaky = await startFlakyServer(fault)
      const env = { INGEST_URL: flaky.url }
      await using started = await startGFluxFunction(source, { runtime, env })
      const { environment } = started

      await environment.invoke()
      await environment.sleepFrozen(300)
      const { response } = await environment.invoke()

      expect(response?.json).toBe('done')
      expect(flaky.requests).toMatchObject([{ answered: true }, { answered: false }, { answered: true }])
      const [first, lost, again] = flaky.requests
      expect(again?.key).toBe(lost?.key)
      expect(first?.key).not.toBe(lost?.key)
    },
  )

  it('that outlives a connection which nobody answers on costs one time-out, and no timeout of the function', async () => {
    await using flaky = await startFlakyServer('silence')
    const env = { INGEST_URL: flaky.url }
    await using started = await startGFluxFunction(source, { runtime, env, config: 'timeoutMs: 1000' })
    const { environment } = started

    await environment.invoke()
    await environment.sleepFrozen(300)
    const { response, timedOut } = await environment.invoke()

    expect([response?.json, timedOut]).toEqual(['done', false])
    const [, lost, again] = flaky.requests
    expect(again).toMatchObject({ key: lost?.key, answered: true })
  })

  it('that a time limit fires in leaves the outcome unknown: the batch goes again under its key', async () => {
    const unwaited = `
      const awaited = withGFlux(gflux, async () => trackMany(1))
      const left = async () => { trackMany(1); void gflux.flush().catch(() => {}); await sleep(150) }
      export const handler = (event, context) => (event === 'left' ? left : awaited)(event, context)`
    const options = { runtime, config: 'timeoutMs: 500', latencyMs: 0 }
    await using started = await startGFluxFunction(unwaited, options)
    const { environment, ingest, storedAtFreeze } = started
    await environment.invoke('awaited')
    ingest.fail({ delayMs: 400, times: 2 })

    await environment.invoke('left')
    await environment.sleepFrozen(2000)
    await environment.invoke('awaited')

    expect(storedAtFreeze).toEqual([1, 1, 3])
    const [, first, again] = ingest.requests.map(({ idempotencyKey }) => idempotencyKey)
    expect(again).toBe(first)
    expect(ingest.stats.stored).toBe(3)
  })
})
