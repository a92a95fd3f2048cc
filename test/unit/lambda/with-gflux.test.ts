import middy from '@middy/core'
import { describe, expect, it, vi } from 'vitest'
import {
  enableAfterResponse,
  enableAfterResponseSync,
  gfluxHandler,
  gfluxMiddleware,
  withGFlux,
} from '../../../adapters/lambda/index.ts'
import { errorOf, openClient, untyped } from '../../support/client.ts'

const streaming = Symbol.for('aws.lambda.runtime.handler.streaming')
const highWaterMark = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')

describe('withGFlux', () => {
  it.each([
    ['gives nothing', () => undefined],
    [
      'throws',
      () => {
        throw new Error('on purpose')
      },
    ],
  ])('passes a result on though the client’s flush() %s', async (_title, flush) => {
    const handler = withGFlux(untyped({ flush }), async () => 'done')

    expect(await handler()).toBe('done')
  })

  it('takes a deadline beyond every timer for none', async () => {
    const { gflux, ingest } = openClient()
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue()
    const handler = withGFlux(gflux, async (_event: unknown, _context: unknown) => {
      for (let n = 0; n < 2; n++) {
        void gflux.track('opened', { userId: 'user_1' })
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })

    await handler({}, { getRemainingTimeInMillis: () => Number.MAX_SAFE_INTEGER })

    expect(warned).not.toHaveBeenCalled()
    expect(ingest.stats).toMatchObject({ stored: 2, requests: 1 })
    warned.mockRestore()
  })

  it.each([
    ['nothing', () => undefined],
    ['an event', async (_event: unknown) => undefined],
    ['an event and a context', async (_event: unknown, _context: unknown) => undefined],
    ['a callback too', (_event: unknown, _context: unknown, _callback: unknown) => undefined],
    ['the rest', (..._rest: unknown[]) => undefined],
    ['defaults', (_event: unknown, _context = {}) => undefined],
  ])('keeps the arity and the name of a handler that takes %s', (_title, handler) => {
    const { gflux } = openClient()

    const wrapped = withGFlux(gflux, handler)

    expect([wrapped.length, wrapped.name]).toEqual([handler.length, handler.name])
  })

  it('keeps the handler’s properties and symbols as they are', () => {
    const { gflux } = openClient()
    const own = { [streaming]: 'response', [highWaterMark]: 64, version: 2 }
    const handler = Object.assign(async () => undefined, own)
    Object.defineProperty(handler, Symbol.for('hidden'), { value: 1 })

    const wrapped = withGFlux(gflux, handler)

    expect(Object.getOwnPropertyDescriptors(wrapped)).toEqual(Object.getOwnPropertyDescriptors(handler))
  })

  it('is one with the middy handler that it wraps', async () => {
    const { gflux, ingest } = openClient()
    const wrapped = withGFlux(
      gflux,
      middy(async () => void gflux.track('opened', { userId: 'user_1' })),
    )
    const seen: string[] = []

    wrapped.use({ before: () => void seen.push('before') })
    await wrapped({}, untyped({}))

    expect(seen).toEqual(['before'])
    expect(ingest.events).toHaveLength(1)
  })

  it('passes every argument on, and gives the very same result and error', async () => {
    const { gflux } = openClient()
    const result = { statusCode: 200 }
    const error = new Error('the handler’s own')
    const options = { signal: new AbortController().signal }
    let given: unknown[] = []
    const handler = async (...args: unknown[]): Promise<unknown> => {
      given = args
      if (args[0] === 'fail') throw error
      return result
    }

    const resolved = await withGFlux(gflux, handler)('event', {}, options)
    const rejected = await withGFlux(gflux, handler)('fail').catch((reason) => reason)

    expect(given).toEqual(['fail'])
    expect(resolved).toBe(result)
    expect(rejected).toBe(error)
  })

  it.each([
    ['without a context', []],
    ['with an empty one', [{}, {}]],
    ['with one that throws', [{}, { getRemainingTimeInMillis: () => Number('x').toFixed(-1) }]],
  ])('calls the handler %s', async (_title, args) => {
    const { gflux } = openClient()

    const call = withGFlux(gflux, async (..._args: unknown[]) => {
      await gflux.track('opened', { userId: 'user_1' })
      return 'done'
    })

    expect(await call(...args)).toBe('done')
  })

  it('sends nothing where the remaining time is over', async () => {
    const { gflux, ingest } = openClient()
    const handler = withGFlux(gflux, async (..._args: unknown[]) => {
      await gflux.track('opened', { userId: 'user_1' })
    })

    await handler({}, { getRemainingTimeInMillis: () => -5 })
    const sentWithoutTime = ingest.stats.requests
    await handler({}, { getRemainingTimeInMillis: () => 5000 })

    expect(sentWithoutTime).toBe(0)
    expect(ingest.stats.stored).toBe(2)
  })

  it.each<[string, (gflux: never) => unknown]>([
    ['handler', (gflux) => withGFlux(gflux, untyped({}))],
    ['handler', (gflux) => withGFlux(gflux, untyped(undefined))],
    ['options', (gflux) => withGFlux(gflux, () => undefined, untyped(null))],
    ['options', (gflux) => gfluxMiddleware(gflux, untyped(500))],
    ['gflux', () => withGFlux(untyped(null), () => undefined)],
    ['gflux', () => gfluxMiddleware(untyped(undefined))],
    ['gflux', () => gfluxHandler(untyped(null))],
    ['gflux', () => enableAfterResponse(untyped(undefined))],
    ['gflux', () => enableAfterResponseSync(untyped({}))],
    ['marginMs', (gflux) => withGFlux(gflux, () => undefined, { marginMs: -1 })],
    ['maxFlushMs', (gflux) => gfluxMiddleware(gflux, { maxFlushMs: Number.NaN })],
    [
      'maxFlushMs',
      (gflux) => gfluxHandler(gflux, { maxFlushMs: untyped('1') })(() => undefined, { kind: 'method' }),
    ],
  ])('refuses a bad `%s` at once', async (field, wrap) => {
    const { gflux } = openClient()

    const { code, message } = await errorOf(() => wrap(untyped(gflux)))

    expect([code, message]).toEqual(['validation_error', expect.stringContaining(`\`${field}\``)])
  })
})
