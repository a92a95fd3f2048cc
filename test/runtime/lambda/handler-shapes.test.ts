import { describe, expect, it } from 'vitest'
import { startGFluxFunction, TESTED_RUNTIMES, TWO_BATCHES, withoutStack } from './gflux-function.ts'

/** Node 24 takes no callbacks. */
const isNode24 = (runtime: string): boolean => runtime === 'node24'
const older = TESTED_RUNTIMES.filter((runtime) => !isNode24(runtime))

describe.each(TESTED_RUNTIMES)('a handler on %s', (runtime) => {
  it('that returns no promise answers what it answers without the wrapper, after the flush', async () => {
    const source = `const bare = () => { trackMany(); return 'value' }
      const wrapped = withGFlux(gflux, bare)
      export const handler = (event, context, ...rest) => (event === 'bare' ? bare : wrapped)(event, context, ...rest)`
    await using started = await startGFluxFunction(source, { runtime })
    const { environment, storedAtFreeze } = started

    const wrapped = await environment.invoke('wrapped')
    const bare = await environment.invoke('bare')

    expect(wrapped.response?.json).toBe(bare.response?.json)
    expect(storedAtFreeze).toEqual([TWO_BATCHES, TWO_BATCHES])
  })

  it('that is a method keeps its this', async () => {
    const source = `class Shop {
        name = 'shop'
        async handler() { trackMany(); return this.name }
      }
      Shop.prototype.handler = withGFlux(gflux, Shop.prototype.handler)
      const shop = new Shop()
      export const handler = (event, context) => shop.handler(event, context)`
    await using started = await startGFluxFunction(source, { runtime })

    const { response } = await started.environment.invoke()

    expect(response?.json).toBe('shop')
    expect(started.storedAtFreeze).toEqual([TWO_BATCHES])
  })
})

describe.each(older)('a handler with a callback on %s', (runtime) => {
  const source = `
    const called = withGFlux(gflux, (event, context, callback) => {
      context.callbackWaitsForEmptyEventLoop = event.waits
      if (event.busyMs) setTimeout(() => {}, event.busyMs)
      setTimeout(() => { trackMany(); callback(event.fails ? new RangeError('out of it') : null, 'called'); callback(null, 'twice') }, 10)
    })
    const both = withGFlux(gflux, async (event, context, callback) => {
      context.callbackWaitsForEmptyEventLoop = false
      trackMany()
      callback(null, 'called')
      return 'returned'
    })
    const never = withGFlux(gflux, (event, context, callback) => { trackMany() })
    const deprecated = withGFlux(gflux, (event, context) => { trackMany(); setTimeout(() => context.succeed('succeeded'), 10) })
    const shapes = { called, both, never, deprecated }
    export const handler = (event, context, callback) => shapes[event.shape](event, context, callback)`

  it('answers what the callback is given first, after the flush', async () => {
    await using started = await startGFluxFunction(source, { runtime })
    const { environment, storedAtFreeze, ingest } = started

    const waiting = await environment.invoke({ shape: 'called', waits: true })
    const hasty = await environment.invoke({ shape: 'called', waits: false })
    const failed = await environment.invoke({ shape: 'called', waits: false, fails: true })
    const both = await environment.invoke({ shape: 'both' })

    expect([waiting.response?.json, hasty.response?.json]).toEqual(['called', 'called'])
    expect(failed.error).toMatchObject({ type: 'RangeError', body: { errorMessage: 'out of it' } })
    expect(both.response?.json).toBe('called')
    expect(storedAtFreeze).toEqual([1, 2, 3, 4].map((times) => times * TWO_BATCHES))
    expect(ingest.stats.duplicates).toBe(0)
  })

  it('waits for an empty event loop, or does not, as the handler says', async () => {
    await using started = await startGFluxFunction(source, { runtime, latencyMs: 0 })
    const { environment } = started
    const busyMs = 1500

    const waiting = await environment.invoke({ shape: 'called', waits: true, busyMs })
    const hasty = await environment.invoke({ shape: 'called', waits: false, busyMs })

    expect((waiting.respondedAt ?? 0) - waiting.startedAt).toBeGreaterThanOrEqual(busyMs - 1)
    expect((hasty.respondedAt ?? Infinity) - hasty.startedAt).toBeLessThan(busyMs)
  })

  it('answers null where it calls nothing back, after the flush, and what the context is told', async () => {
    await using started = await startGFluxFunction(source, { runtime })
    const { environment, storedAtFreeze } = started

    const never = await environment.invoke({ shape: 'never' })
    const deprecated = await environment.invoke({ shape: 'deprecated' })

    expect([never.response?.json, deprecated.response?.json]).toEqual([null, 'succeeded'])
    expect(storedAtFreeze[0]).toBe(TWO_BATCHES)
  })
})

describe.each(TESTED_RUNTIMES.filter(isNode24))('a handler with a callback on %s', (runtime) => {
  it('fails the init with the runtime’s own error', async () => {
    const bare = '(event, context, callback) => callback(null)'

    const initErrors = await Promise.all(
      [bare, `withGFlux(gflux, ${bare})`].map(async (handler) => {
        await using started = await startGFluxFunction(`export const handler = ${handler}`, { runtime })
        const { initError } = await started.environment.invoke()
        return withoutStack(initError)
      }),
    )

    expect(initErrors[0]?.['type']).toBe('Runtime.CallbackHandlerDeprecated')
    expect(initErrors[1]).toEqual(initErrors[0])
  })
})
