import { transform } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { startGFluxFunction, TESTED_RUNTIMES, TWO_BATCHES } from './gflux-function.ts'

const SOURCE = `
class Shop {
  name = 'shop'
  @gfluxHandler(gflux)
  async handler(event, context) {
    trackMany()
    if (event) throw new RangeError('out of it')
    return this.name + context.awsRequestId
  }
}
const shop = new Shop()
export const handler = shop.handler.bind(shop)`

describe.each(TESTED_RUNTIMES)('a decorated method on %s', (runtime) => {
  it.each([
    ['the standard', {}],
    ['TypeScript’s older way', { experimentalDecorators: true }],
  ])('by %s is flushed, and keeps its this, result and error', async (_title, compilerOptions) => {
    const options = { loader: 'ts', target: 'es2022', tsconfigRaw: { compilerOptions } } as const
    const { code } = await transform(SOURCE, options)
    await using started = await startGFluxFunction(code, { runtime })
    const { environment, storedAtFreeze } = started

    const done = await environment.invoke(0, { requestId: 'id-1' })
    const failed = await environment.invoke(1)

    expect(done.response?.json).toBe('shopid-1')
    expect(failed.error?.type).toBe('RangeError')
    expect(storedAtFreeze).toEqual([TWO_BATCHES, 2 * TWO_BATCHES])
  })
})
