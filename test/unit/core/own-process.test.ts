import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bundle, bundleCore } from '../../support/bundle.ts'
import { runModule } from '../../support/child.ts'

const strict = { nodeArgs: ['--unhandled-rejections=strict', '--trace-warnings'] }

/** A loopback origin that refuses connections. */
async function closedOrigin(): Promise<string> {
  const server = createServer()
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

describe.concurrent('in a process of its own', () => {
  let core: Bundle
  let apiHost: string
  beforeAll(async () => {
    core = await bundleCore()
    apiHost = await closedOrigin()
  })
  afterAll(() => core.remove())

  const withClient = (body: string, options = ''): string => `
    import { initGFluxNode } from ${JSON.stringify(core.url)}
    const gflux = initGFluxNode({ token: 'gflux_secret_x', apiHost: ${JSON.stringify(apiHost)}, maxRetries: 0, ${options} })
    const userId = 'user_1'
    ${body}
    console.log('end of code')`

  it.each<[title: string, body: string, options?: string]>([
    [
      'promises in place of objects, which reject',
      'const fail = async () => { throw 1 }; gflux.track("opened", { userId, properties: fail() }); gflux.track("opened", fail())',
      'defaultContext: async () => { throw new Error("no context") }',
    ],
    [
      'a promise in place of bound context, which rejects',
      'try { gflux.with({ context: (async () => { throw 1 })() }) } catch {}',
    ],
    ['thirty tracks', 'for (let i = 0; i < 30; i++) gflux.track("opened", { userId })'],
    ['a track for each flush', 'for (let i = 0; i < 3; i++) gflux.track("opened", { userId })', 'flushAt: 1'],
    ['tracks that are refused', 'gflux.track("Bad"); gflux.track("opened"); gflux.track("opened", null)'],
    ['identify that is refused', 'gflux.identify({}); gflux.identify()'],
    [
      'overflow',
      'for (let i = 0; i < 30; i++) gflux.track("opened", { userId })',
      'maxQueueSize: 2, flushAt: 9',
    ],
    ['flush', 'gflux.track("opened", { userId }); gflux.flush(); gflux.flush({ timeoutMs: -1 })'],
    ['alias', 'gflux.alias({ userId, anonymousId: "a" }); gflux.alias({})'],
    ['erase', 'gflux.erase({ id: "a", reason: "internal" }); gflux.erase({ id: "a" })'],
    ['shutdown', 'gflux.track("opened", { userId }); gflux.shutdown(); gflux.track("opened", { userId })'],
    ['an interval', 'gflux.track("opened", { userId })', 'flushIntervalMs: 10'],
    ['waitUntil', 'gflux.track("opened", { userId })', 'waitUntil: (promise) => { promise.then(() => {}) }'],
    [
      'waitUntil that throws',
      'gflux.track("opened", { userId })',
      'waitUntil: () => { throw new Error("outside a request") }',
    ],
    [
      'waitUntil that rejects',
      'gflux.track("opened", { userId })',
      'waitUntil: async () => { throw new Error("outside a request") }',
    ],
    [
      'a logger and onDrop that throw and reject',
      'gflux.track("opened", { userId }); gflux.flush(); gflux.track("Bad")',
      'logger: { warn: async () => { throw new Error("log") }, debug: () => { throw new Error("log") } }, onDrop: async () => { throw new Error("drop") }',
    ],
    [
      'beforeSend that throws',
      'gflux.track("opened", { userId })',
      'beforeSend: () => { throw new Error("before") }',
    ],
    [
      'beforeSend that rejects',
      'gflux.track("opened", { userId })',
      'beforeSend: async () => { throw new Error("before") }',
    ],
    [
      'fetch that throws',
      'gflux.track("opened", { userId }); gflux.flush()',
      'fetch: () => { throw new Error("f") }',
    ],
    [
      'fetch that gives nothing',
      'gflux.track("opened", { userId }); gflux.flush()',
      'fetch: () => undefined',
    ],
    ...['null', '"x"', '[null]', '[{ index: 0 }]', '[{ index: "x" }]', '{}'].map(
      (errors): [string, string, string] => [
        `an answer whose errors are ${errors}`,
        'gflux.track("opened", { userId }); gflux.flush()',
        `fetch: async () => Response.json({ accepted: 0, rejected: 1, errors: ${errors} }, { status: 202 })`,
      ],
    ),
    [
      'fetch that fails after its time',
      'gflux.track("opened", { userId }); gflux.flush()',
      'timeoutMs: 5, fetch: () => new Promise((_, reject) => setTimeout(reject, 50, new Error("late")))',
    ],
    [
      'a body that fails after its time',
      'gflux.track("opened", { userId }); gflux.flush()',
      'timeoutMs: 5, fetch: async () => ({ status: 202, headers: new Headers(), text: () => new Promise((_, reject) => setTimeout(reject, 50, new Error("late"))) })',
    ],
    [
      'an aborted flush',
      'gflux.track("opened", { userId }); const stop = new AbortController(); gflux.flush({ signal: stop.signal }); stop.abort(new Error("stop"))',
    ],
    ['await using', '{ await using client = gflux; client.track("opened", { userId }) }'],
  ])(
    'an un-awaited failure ends no process: %s',
    async (_title, body, options) => {
      const source = withClient(body, options)

      const { code, stdout, stderr } = await runModule(source, strict)

      expect(stderr).toBe('')
      expect(stdout).toBe('end of code\n')
      expect(code).toBe(0)
    },
    20_000,
  )

  it.each([
    'globalThis.document = {}',
    'Object.defineProperty(globalThis, "navigator", { value: { userAgent: "Mozilla/5.0 (X11)" } })',
  ])('refuses a secret token in a browser: %s', async (browser) => {
    const source = `
        ${browser}
        const { initGFluxNode } = await import(${JSON.stringify(core.url)})
        const create = (token) => { try { initGFluxNode({ token }); return 'created' } catch (error) { return error.code + ' ' + error.message } }
        console.log(create('gflux_secret_do_not_show'))
        console.log(create('gflux_pub_x'))`

    const { stdout } = await runModule(source)

    const [secret, publishable] = stdout.split('\n')
    expect(secret).toMatch(/^validation_error Expected `token` to be /)
    expect(secret).not.toContain('do_not_show')
    expect(publishable).toBe('created')
  })

  it('awaits retries although nothing else holds the process open', async () => {
    const source = withClient(
      'gflux.track("opened", { userId }); const error = await gflux.flush().catch((e) => e); console.log(error.code, error.result.pending)',
      'maxRetries: 1',
    )

    const { stdout, code } = await runModule(source)

    expect(stdout).toBe('network_error 1\nend of code\n')
    expect(code).toBe(0)
  })
})
