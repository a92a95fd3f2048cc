import { describe, expect, it } from 'vitest'
import { startGFluxFunction, TESTED_RUNTIMES, TWO_BATCHES } from './gflux-function.ts'

/** What it tracks in its second invocation stays queued; the first one has opened the connection. */
const HANDLER = `await enableAfterResponse(gflux)
  const handle = async () => { trackMany(); return process.listenerCount('SIGTERM') }
  const flushed = withGFlux(gflux, handle)
  const left = withGFlux(gflux, handle, { maxFlushMs: 0 })
  let count = 0
  export const handler = (event, context) => (count++ ? left : flushed)(event, context)`

describe.each(TESTED_RUNTIMES)('at the end of an environment of %s', (runtime) => {
  const quick = { runtime, latencyMs: 5 }

  it('what is queued is flushed, and the process dies of the signal', async () => {
    await using started = await startGFluxFunction(HANDLER, quick)
    const { environment, ingest, storedAtFreeze } = started
    await environment.invokeMany([1, 2])

    const { signal, code, killedAt } = await environment.shutdown()

    expect({ signal, code, killedAt }).toEqual({ signal: 'SIGTERM', code: null, killedAt: undefined })
    expect(storedAtFreeze).toEqual([TWO_BATCHES, TWO_BATCHES])
    expect(ingest.events).toHaveLength(2 * TWO_BATCHES)
  })

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

  it('nobody listens where no extension is registered', async () => {
    await using started = await startGFluxFunction(HANDLER, { ...quick, extensions: 'disabled' })

    const { response } = await started.environment.invoke()

    expect(response?.json).toBe(0)
  })
})
