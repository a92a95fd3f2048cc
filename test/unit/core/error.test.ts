import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GFluxNodeError } from '../../../src/index.ts'
import { type Bundle, bundleCore } from '../../support/bundle.ts'
import { errorOf, openClient } from '../../support/client.ts'

describe('GFluxNodeError', () => {
  let copy: Bundle
  beforeAll(async () => {
    copy = await bundleCore()
  })
  afterAll(() => copy.remove())

  it('is an Error with a name, a code and a stack', async () => {
    const { gflux } = openClient()

    const error = await errorOf(() => gflux.track('Bad name'))

    expect(error).toBeInstanceOf(Error)
    expect(error).toBeInstanceOf(GFluxNodeError)
    expect(String(error)).toMatch(/^GFluxNodeError: Expected `event`/)
    expect(error.stack).toContain('GFluxNodeError')
    expect(error.code).toBe('validation_error')
  })

  it('is told from others, across copies of the package', async () => {
    const other = await import(/* @vite-ignore */ copy.url)
    const error = new other.GFluxNodeError('network_error', 'elsewhere')

    expect(error).not.toBeInstanceOf(GFluxNodeError)
    expect(GFluxNodeError.is(error)).toBe(true)
    expect(other.GFluxNodeError.is(new GFluxNodeError('network_error', 'here'))).toBe(true)
  })

  it.each([
    undefined,
    null,
    'x',
    42,
    {},
    [],
    new Error('x'),
    { code: 'network_error', name: 'GFluxNodeError' },
  ])('is told from %s', (value) => {
    expect(GFluxNodeError.is(value)).toBe(false)
  })

  it('keeps its fields through JSON, without the brand', () => {
    const error = new GFluxNodeError('http_4xx', 'text', { status: 429, retryable: true, retryAfterMs: 1000 })

    expect(JSON.parse(JSON.stringify(error))).toMatchObject({
      code: 'http_4xx',
      status: 429,
      retryAfterMs: 1000,
    })
    expect(Object.getOwnPropertySymbols(JSON.parse(JSON.stringify(error)))).toEqual([])
  })
})
