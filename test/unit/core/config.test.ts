import { describe, expect, it } from 'vitest'
import { type GFluxNodeConfig, initGFluxNode } from '../../../src/index.ts'
import { errorOf, openClient, PERSONAL, PERSONAL_NUMBER, TOKEN, untyped } from '../../support/client.ts'
import { expectValidationError } from './refusal.ts'

class Options {
  token = TOKEN
}

describe('a bad option', () => {
  it.each<[title: string, option: keyof GFluxNodeConfig, value: unknown]>([
    ['a missing token', 'token', undefined],
    ['an empty token', 'token', ''],
    ['a blank token', 'token', '   '],
    ['a token with a space', 'token', `gflux_secret_${PERSONAL} x`],
    ['a token with a line break', 'token', `gflux_secret_${PERSONAL}\n`],
    ['a token with a carriage return', 'token', `gflux_secret_a\r\nx-injected: ${PERSONAL}`],
    ['a token beyond ASCII', 'token', `gflux_secret_ü${PERSONAL}`],
    ['a token with a NUL', 'token', `gflux_secret_\0${PERSONAL}`],
    ['a token that is no string', 'token', PERSONAL_NUMBER],
    ['a null token', 'token', null],
    ['no URL', 'apiHost', PERSONAL],
    ['an empty host', 'apiHost', ''],
    ['a null host', 'apiHost', null],
    ['a host without a scheme', 'apiHost', `${PERSONAL}/v1`],
    ['plain http', 'apiHost', `http://${PERSONAL.split('@')[1]}`],
    ['http on a name that begins like a loopback address', 'apiHost', 'http://localhost.example.com'],
    ['http on a name that begins like a loopback number', 'apiHost', 'http://127.0.0.1.example.com'],
    ['http on a private address', 'apiHost', 'http://10.0.0.1'],
    ['http on every address', 'apiHost', 'http://0.0.0.0'],
    ['another scheme', 'apiHost', 'ftp://localhost'],
    ['a script', 'apiHost', 'javascript:alert(1)'],
    ['a user name', 'apiHost', `https://${PERSONAL}`],
    ['credentials', 'apiHost', `https://user:${encodeURIComponent(PERSONAL)}@api.example.com`],
    ['credentials on loopback', 'apiHost', 'http://user:secret@localhost'],
    ['a query', 'apiHost', `https://api.example.com?key=${PERSONAL}`],
    ['a fragment', 'apiHost', `https://api.example.com#${PERSONAL}`],
    ['zero', 'flushAt', 0],
    ['a negative number', 'flushAt', -1],
    ['a fraction', 'flushAt', 1.5],
    ['NaN', 'flushAt', Number.NaN],
    ['Infinity', 'flushAt', Number.POSITIVE_INFINITY],
    ['a numeric string', 'flushAt', '20'],
    ['null', 'flushAt', null],
    ['zero', 'maxQueueSize', 0],
    ['a fraction', 'maxQueueSize', 0.5],
    ['Infinity', 'maxQueueSize', Number.POSITIVE_INFINITY],
    ['zero', 'maxQueueBytes', 0],
    ['NaN', 'maxQueueBytes', Number.NaN],
    ['zero', 'concurrency', 0],
    ['a fraction', 'concurrency', 2.5],
    ['a BigInt', 'concurrency', 4n],
    ['a negative time', 'timeoutMs', -1],
    ['an endless time', 'timeoutMs', Number.POSITIVE_INFINITY],
    ['NaN', 'timeoutMs', Number.NaN],
    ['a string', 'timeoutMs', PERSONAL],
    ['a negative time', 'flushIntervalMs', -1],
    ['an endless time', 'flushIntervalMs', Number.POSITIVE_INFINITY],
    ['null', 'flushIntervalMs', null],
    ['a negative number', 'maxRetries', -1],
    ['Infinity', 'maxRetries', Number.POSITIVE_INFINITY],
    ['NaN', 'maxRetries', Number.NaN],
    ['a fraction', 'maxRetries', 1.5],
    ['an array', 'defaultContext', [PERSONAL]],
    ['a Map', 'defaultContext', new Map([['email', PERSONAL]])],
    ['null', 'defaultContext', null],
    ['a string', 'fetch', PERSONAL],
    ['an object without a fetch', 'fetch', { email: PERSONAL }],
    ['null', 'fetch', null],
    ['a string', 'waitUntil', PERSONAL],
    ['an object', 'beforeSend', { email: PERSONAL }],
    ['a number', 'onDrop', 1],
    ['a string', 'logger', PERSONAL],
    ['null', 'logger', null],
    ['a function', 'logger', () => undefined],
    ['an object with neither method', 'logger', { info: () => undefined }],
  ])('is refused: %s as %s', async (_title, option, value) => {
    const config = { token: TOKEN, [option]: value }

    const error = await errorOf(() => initGFluxNode(config))

    expectValidationError(error, option)
  })

  it.each<[title: string, config: unknown]>([
    ['null', null],
    ['a string', PERSONAL],
    ['an array', [PERSONAL]],
    ['a class instance', new Options()],
  ])('is refused: %s as the whole config', async (_title, config) => {
    const error = await errorOf(() => initGFluxNode(untyped(config)))

    expectValidationError(error, 'config')
  })

  it('is refused: a getter that throws', async () => {
    const config = {
      get token(): string {
        throw new Error(PERSONAL)
      },
    }

    const error = await errorOf(() => initGFluxNode(config))

    expectValidationError(error, 'config')
  })

  it('is named with its path: NaN in defaultContext', async () => {
    const error = await errorOf(() => initGFluxNode({ token: TOKEN, defaultContext: { share: Number.NaN } }))

    expectValidationError(error, 'defaultContext.share')
  })

  it('is refused: no config at all', async () => {
    const error = await errorOf(() => initGFluxNode(untyped(undefined)))

    expectValidationError(error, 'token')
  })
})

describe('apiHost', () => {
  it('is told as it came, but for one that may hold credentials', async () => {
    const tell = (apiHost: string) => errorOf(() => initGFluxNode({ token: TOKEN, apiHost }))

    expect((await tell('api.example.com')).message).toMatch(/got api\.example\.com$/)
    expect((await tell('https://u:p@example.com')).message).toMatch(/got a string of 23 characters$/)
  })

  it.each([
    [undefined, 'https://api.getfluxly.com/v1/events/batch'],
    ['https://eu.example.com', 'https://eu.example.com/v1/events/batch'],
    ['https://eu.example.com/', 'https://eu.example.com/v1/events/batch'],
    ['https://eu.example.com:8443', 'https://eu.example.com:8443/v1/events/batch'],
    ['https://proxy.example.com/gflux//', 'https://proxy.example.com/gflux/v1/events/batch'],
    ['http://localhost:8787', 'http://localhost:8787/v1/events/batch'],
    ['http://LOCALHOST', 'http://localhost/v1/events/batch'],
    ['http://127.0.0.1:8787', 'http://127.0.0.1:8787/v1/events/batch'],
    ['http://127.8.9.10', 'http://127.8.9.10/v1/events/batch'],
    ['http://[::1]:8787', 'http://[::1]:8787/v1/events/batch'],
  ])('%s sends to %s', async (apiHost, expected) => {
    const urls: string[] = []
    const { ingest } = openClient()
    const { gflux } = openClient({
      apiHost,
      fetch: (url, init) => {
        urls.push(url)
        return ingest.fetch('https://api.getfluxly.com/v1/events/batch', init)
      },
    })

    await gflux.track('opened', { userId: 'user_1' })
    await gflux.flush()

    expect(urls).toEqual([expected])
  })

  it.each(['https://eu.example.com/?', 'https://eu.example.com/#', 'https://eu.example.com?#'])(
    'with an empty query or fragment never becomes part of one: %s',
    async (apiHost) => {
      const paths: string[] = []
      const client = (): ReturnType<typeof openClient> =>
        openClient({
          apiHost,
          maxRetries: 0,
          fetch: async (url) => {
            paths.push(new URL(url).pathname)
            return Response.json({ accepted: 1, rejected: 0 }, { status: 202 })
          },
        })

      const refused = await (async () => {
        const { gflux } = client()
        await gflux.track('opened', { userId: 'user_1' })
        await gflux.flush()
        return undefined
      })().catch((error: unknown) => error)

      if (refused) expect(refused).toMatchObject({ code: 'validation_error' })
      else expect(paths).toEqual(['/v1/events/batch'])
    },
  )
})

describe('an undefined option', () => {
  it('stands for its default', async () => {
    const { gflux, ingest } = openClient({
      apiHost: undefined,
      flushAt: undefined,
      flushIntervalMs: undefined,
      maxRetries: undefined,
      timeoutMs: undefined,
      maxQueueSize: undefined,
      maxQueueBytes: undefined,
      concurrency: undefined,
      defaultContext: undefined,
      includeRuntimeContext: undefined,
      logger: undefined,
      waitUntil: undefined,
      beforeSend: undefined,
      onDrop: undefined,
    })

    const results = []
    for (let index = 0; index < 20; index += 1) {
      results.push(gflux.track('opened', { userId: 'user_1', properties: { index } }))
    }

    expect(await results[18]).toBeNull()
    expect(await results[19]).toMatchObject({ accepted: 20 })
    expect(ingest.stats).toMatchObject({ requests: 1, stored: 20 })
  })
})
