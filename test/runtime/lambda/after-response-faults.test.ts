import { describe, expect, it } from 'vitest'
import { type GFluxFunction, startGFluxFunction, TESTED_RUNTIMES, TWO_BATCHES } from './gflux-function.ts'
import type { ExtensionFaults } from './harness/index.ts'

const HANDLER = `export const handler = withGFlux(gflux, async () => { trackMany(); return 'done' })`
const ENABLES = ['await enableAfterResponse(gflux)', 'enableAfterResponseSync(gflux)']
const quick = { latencyMs: 40 }
const ALL = [1, 2, 3].map((times) => times * TWO_BATCHES)

/** A server between the function and Lambda's APIs, in a thread of its own: the function's may stand still. */
function answering(body: string): string {
  return `
    import { createServer, request } from 'node:http'
    import { workerData } from 'node:worker_threads'
    const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':')
    const server = createServer((incoming, outgoing) => { ${body} })
    server.listen(0, '127.0.0.1', () => { workerData[1] = server.address().port; Atomics.store(workerData, 0, 1); Atomics.notify(workerData, 0) })`
}

/** Enables the mode by way of `detour.mjs`. */
function detour(enable: string): string {
  return `
    import { Worker } from 'node:worker_threads'
    const shared = new Int32Array(new SharedArrayBuffer(8))
    new Worker(new URL('detour.mjs', import.meta.url), { workerData: shared }).unref()
    Atomics.wait(shared, 0, 0)
    const { AWS_LAMBDA_RUNTIME_API } = process.env
    process.env.AWS_LAMBDA_RUNTIME_API = '127.0.0.1:' + shared[1]
    ${enable}
    process.env.AWS_LAMBDA_RUNTIME_API = AWS_LAMBDA_RUNTIME_API`
}

/** Three invocations: each answered, none run into its timeout, and one line that says why they had to wait. */
async function expectFallback(
  { environment, storedAtFreeze, warnings }: GFluxFunction,
  reason: RegExp,
): Promise<void> {
  const invocations = await environment.invokeMany([1, 2, 3])

  expect(invocations.map(({ response, timedOut }) => [response?.json, timedOut])).toEqual(
    Array(3).fill(['done', false]),
  )
  expect(storedAtFreeze).toEqual(ALL)
  expect(warnings()).toHaveLength(1)
  expect(warnings()[0]).toMatch(reason)
}

describe.concurrent.each(TESTED_RUNTIMES)(
  'after-response mode on %s flushes before the response',
  (runtime) => {
    const refusals: [string, ExtensionFaults | 'disabled', RegExp][] = [
      ['refused', { refuse: 403 }, /403/],
      ['not there', { refuse: 404 }, /404/],
      ['failing', { refuse: 500 }, /500/],
      ['cut off', { refuse: 'connection' }, /ECONNRESET|socket hang up/],
      ['unanswered', { refuse: 'hang' }, /no answer/],
      ['closed', { closed: true }, /RegistrationClosed/],
      ['the eleventh', { others: 10 }, /TooManyExtensions/],
      ['of a name that is taken', { taken: true }, /InvalidExtensionState/],
      ['disabled', 'disabled', /404/],
    ]
    const cases = refusals.flatMap(([title, extensions, reason]) =>
      ENABLES.map((enable) => ({ title, extensions, reason, enable })),
    )
    it.each(cases)('where the registration is $title: $enable', async ({ extensions, reason, enable }) => {
      const options = { ...quick, runtime, extensions }
      await using started = await startGFluxFunction(`${enable}\n${HANDLER}`, options)

      await expectFallback(started, reason)
    })

    it.each(ENABLES)(
      'where the answer to the registration comes late, and serves Lambda all the same: %s',
      async (enable) => {
        const forward = `
      incoming.pipe(request({ host, port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (answer) => {
        const reply = () => { outgoing.writeHead(answer.statusCode, answer.headers); answer.pipe(outgoing) }
        setTimeout(reply, incoming.url.endsWith('register') ? 2500 : 0)
      }))`
        await using started = await startGFluxFunction(`${detour(enable)}\n${HANDLER}`, {
          ...quick,
          runtime,
          files: { 'detour.mjs': answering(forward) },
        })

        await expectFallback(started, /no answer/)
        expect(
          started.environment.log.filter(({ kind }) => kind === 'extension-next').length,
        ).toBeGreaterThan(3)
      },
    )

    it.each(ENABLES)('where the answer to the registration has no identifier: %s', async (enable) => {
      await using started = await startGFluxFunction(`${detour(enable)}\n${HANDLER}`, {
        ...quick,
        runtime,
        files: { 'detour.mjs': answering(`outgoing.end('{}')`) },
      })

      await expectFallback(started, /no identifier/)
    })

    it.each<[string, ExtensionFaults]>([
      ['before the first event', { dropNext: 1 }],
      ['before the second event', { dropNext: 2 }],
      ['at the first event', { loseEvent: 1 }],
      ['at the second event', { loseEvent: 2 }],
      ['each time', { dropNext: 'always' }],
    ])('where the connection breaks %s', async (_title, extensions) => {
      const source = `await enableAfterResponse(gflux)\n${HANDLER}`
      await using started = await startGFluxFunction(source, { ...quick, runtime, extensions })

      await expectFallback(started, /the connection to Lambda broke/)
    })

    it('where the registration is not awaited and comes too late, or serves where it comes in time', async () => {
      const source = `void enableAfterResponse(gflux)\n${HANDLER}`
      await using started = await startGFluxFunction(source, { ...quick, runtime })

      const invocations = await started.environment.invokeMany([1, 2, 3])

      expect(invocations.map(({ timedOut }) => timedOut)).toEqual([false, false, false])
      expect(started.storedAtFreeze).toEqual(ALL)
    })

    it('where the handler returns no promise', async () => {
      const source = `await enableAfterResponse(gflux)
      const inner = (event, context, callback) => { trackMany(); if (callback) setTimeout(callback, 10, null, 'done'); else return 'done' }
      const wrapped = withGFlux(gflux, inner)
      export const handler = (event, context, ...rest) => wrapped(event, context, ...rest)`
      await using started = await startGFluxFunction(source, { ...quick, runtime })

      const invocations = await started.environment.invokeMany([1, 2, 3])

      expect(invocations.map(({ response }) => response?.json)).toEqual(['done', 'done', 'done'])
      expect(started.storedAtFreeze).toEqual(ALL)
      expect(started.warnings()).toHaveLength(runtime === 'node24' ? 0 : 1) // there a value is as good as a promise
    })
  },
)

describe.concurrent.each(TESTED_RUNTIMES)('after-response mode on %s', (runtime) => {
  it('gives up, and says so once, where the handler is not wrapped', async () => {
    const source = `await enableAfterResponse(gflux)
      const wrapped = withGFlux(gflux, async () => { trackMany(); return 'wrapped' })
      export const handler = async (event, context) => event === 'wrapped' ? wrapped(event, context) : 'bare'`
    await using started = await startGFluxFunction(source, { ...quick, runtime })
    const { environment, storedAtFreeze, warnings } = started

    const bare = await environment.invokeMany(['bare', 'bare'])
    const { response } = await environment.invoke('wrapped')

    for (const { timedOut } of bare) expect(timedOut).toBe(false)
    expect(response?.json).toBe('wrapped')
    expect(storedAtFreeze).toEqual([0, 0, TWO_BATCHES])
    expect(warnings()).toEqual([expect.stringContaining('not wrapped')])
  })

  it('runs no invocation into a short timeout where the handler is not wrapped', async () => {
    const source = `await enableAfterResponse(gflux)
      export const handler = async () => 'bare'`
    await using started = await startGFluxFunction(source, { ...quick, runtime, timeoutMs: 1000 })

    const invocations = await started.environment.invokeMany([1, 2])

    expect(invocations.map(({ response, timedOut }) => [response?.json, timedOut])).toEqual(
      Array(2).fill(['bare', false]),
    )
    expect(started.warnings()).toEqual([expect.stringContaining('not wrapped')])
  })
})
