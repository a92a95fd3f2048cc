import { describe, expect, it } from 'vitest'
import { startGFluxFunction, TESTED_RUNTIMES, TWO_BATCHES } from './gflux-function.ts'

describe.each(TESTED_RUNTIMES)('withGFlux on %s', (runtime) => {
  it('answers when every event is stored, and freezes after that', async () => {
    const source = `export const handler = withGFlux(gflux, async () => { trackMany(); return 'done' })`
    await using started = await startGFluxFunction(source, { runtime })
    const { environment, ingest, storedAtFreeze } = started

    const first = await environment.invoke()
    const second = await environment.invoke()

    expect([first.response?.json, second.response?.json]).toEqual(['done', 'done'])
    expect(storedAtFreeze).toEqual([TWO_BATCHES, 2 * TWO_BATCHES])
    expect(ingest.stats).toMatchObject({ requests: 4, duplicates: 0 })
  })

  it('sends what a handler tracked that can’t settle any more', async () => {
    const source = `export const handler = withGFlux(gflux, async (event) => {
      trackMany(event.count)
      return event.ends ? 'done' : new Promise(() => {})
    })`
    await using started = await startGFluxFunction(source, { runtime })
    const { environment, ingest } = started

    const first = await environment.invoke({ count: TWO_BATCHES })
    const stored = ingest.events.length
    const second = await environment.invoke({ count: 0, ends: true })

    // AWS's client 3 answers at once, and is frozen: the flush goes on with the next invocation.
    expect([first.response?.json, first.exited, stored]).toEqual(
      runtime === 'node24' ? [undefined, { code: 0, signal: null }, TWO_BATCHES] : [null, undefined, 0],
    )
    expect(second.response?.json).toBe('done')
    expect(ingest.stats).toMatchObject({ stored: TWO_BATCHES, duplicates: 0 })
  })

  it('posts the error of a handler that throws as it is without the wrapper', async () => {
    const source = `
      const fail = async (event) => { trackMany(); await sleep(1); throw Object.assign(new RangeError('out of it'), { event }) }
      const failAtOnce = (event) => { trackMany(); throw new RangeError('at once') }
      const handlers = { bare: fail, wrapped: withGFlux(gflux, fail), bareSync: failAtOnce, wrappedSync: withGFlux(gflux, failAtOnce) }
      export const handler = (event, context) => handlers[event](event, context)`
    await using started = await startGFluxFunction(source, { runtime })
    const { environment, ingest, storedAtFreeze } = started

    const bodies: Record<string, { stackTrace?: string[]; trace?: string[] }> = {}
    for (const name of ['wrapped', 'bare', 'wrappedSync', 'bareSync']) {
      const { error } = await environment.invoke(name)
      bodies[name] = error?.body as object
    }

    expect(storedAtFreeze[0]).toBe(TWO_BATCHES)
    expect(storedAtFreeze[2]).toBe(3 * TWO_BATCHES) // the bare one's went with the wrapped one's
    for (const [bare, wrapped] of [
      ['bare', 'wrapped'],
      ['bareSync', 'wrappedSync'],
    ] as const) {
      const { trace: bareTrace, ...bareBody } = bodies[bare] ?? {}
      const { trace, ...body } = bodies[wrapped] ?? {}
      expect(body).toEqual(bareBody)
      expect(trace?.slice(0, 2)).toEqual(bareTrace?.slice(0, 2))
    }
    expect(ingest.stats.duplicates).toBe(0)
  })

  it('sends what comes while it flushes, from work that nobody waited for', async () => {
    const source = `export const handler = withGFlux(gflux, async () => {
      trackMany(1)
      for (const ms of [30, 60]) setTimeout(() => trackMany(1), ms)
      return 'done'
    })`
    await using started = await startGFluxFunction(source, { runtime, latencyMs: 300 })
    const { environment, ingest, storedAtFreeze } = started

    await environment.invokeMany([null, null])

    expect(storedAtFreeze).toEqual([3, 6])
    expect(ingest.stats.requests).toBe(4)
  })

  it('waits for the quiet that the API asks for, also of a full `flushAt`', async () => {
    const source = `export const handler = withGFlux(gflux, async () => { trackMany(45); return 'done' })`
    await using started = await startGFluxFunction(source, { runtime, latencyMs: 0, config: 'flushAt: 20' })
    const { environment, ingest, storedAtFreeze } = started
    ingest.fail({ status: 429, retryAfter: 1 })

    await environment.invoke()

    expect(storedAtFreeze).toEqual([45])
    expect(ingest.stats.duplicates).toBe(0)
  })

  it('waits out the pause before a retry', async () => {
    const source = `export const handler = withGFlux(gflux, async () => { trackMany(1); return 'done' })`
    await using started = await startGFluxFunction(source, { runtime, latencyMs: 0 })
    const { environment, ingest, storedAtFreeze } = started
    ingest.fail({ status: 503, times: 2 })

    const { response, exited } = await environment.invoke()

    expect([response?.json, exited]).toEqual(['done', undefined])
    expect(storedAtFreeze).toEqual([1])
    expect(ingest.requests.map(({ status }) => status)).toEqual([503, 503, 202])
    expect(new Set(ingest.requests.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
  })

  it('makes no request where nothing was tracked', async () => {
    const source = `export const handler = withGFlux(gflux, async () => 'done')`
    await using started = await startGFluxFunction(source, { runtime })
    const { environment, ingest } = started

    const { response } = await environment.invoke()

    expect(response?.json).toBe('done')
    expect(ingest.stats).toMatchObject({ requests: 0, connections: 0 })
  })

  it('lets no rejection out while nothing can be reached', async () => {
    const source = `export const handler = withGFlux(gflux, async () => {
      trackMany(3)
      gflux.track('Not A Name', {})
      void gflux.flush()
      return 'done'
    })`
    const config = `apiHost: 'http://127.0.0.1:1', maxRetries: 1`
    await using started = await startGFluxFunction(source, { runtime, config })
    const { environment, warnings } = started

    for (let count = 0; count < 5; count += 1) {
      const { response, exited } = await environment.invoke()
      expect([response?.json, exited]).toEqual(['done', undefined])
    }

    expect(environment.log.filter(({ kind }) => kind === 'start')).toHaveLength(1)
    expect(warnings().join('\n')).toContain('network_error')
  })
})
