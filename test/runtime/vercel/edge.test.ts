import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EdgeRuntime } from 'edge-runtime'
import { build } from 'tsup'
import { describe, expect, inject, it } from 'vitest'
import { createTestIngest, type TestIngest } from '../../../ingest/index.ts'

const packageRoot = inject('packageRoot')

/** The built package as a script: the runtime knows no modules. */
async function packageScript(): Promise<string> {
  const outDir = join(packageRoot, '../edge-runtime')
  await build({
    config: false,
    entry: { package: join(packageRoot, 'dist/vercel.js') },
    format: 'iife',
    globalName: 'adapter',
    platform: 'neutral',
    target: 'es2022',
    outDir,
    silent: true,
  })
  return await readFile(join(outDir, 'package.global.js'), 'utf8')
}

const script = await packageScript()

/** Vercel's edge runtime with a function that tracks, once at its start and once late. */
async function openEdge({ passEvent, prelude = '' }: { passEvent: boolean; prelude?: string }) {
  const ingest = createTestIngest()
  const server = await ingest.listen()
  ingest.fail({ status: 503, times: 2 })
  ingest.fail({ delayMs: 50, times: Infinity })
  const initialCode = `${prelude}
    ${script}
    const { withGFlux, initGFluxVercel } = adapter
    const gflux = initGFluxVercel({ token: 'gflux_secret_x', apiHost: '${server.url}' })
    const handler = withGFlux(gflux, async (request, event) => {
      await gflux.track('opened', { userId: 'user_1', properties: { globals: typeof process + typeof Buffer } })
      if (request.url.endsWith('/throw')) throw new Error('on purpose')
      const body = new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 30))
          if (request.url.endsWith('/stream')) await gflux.track('streamed', { userId: 'user_1' })
          controller.close()
        },
      })
      return new Response(body)
    })
    addEventListener('fetch', (event) => {
      const response = handler(event.request${passEvent ? ', event' : ''})
      event.respondWith(response.catch((error) => new Response(error.message, { status: 500 })))
    })`
  return {
    ingest,
    runtime: new EdgeRuntime({ initialCode }),
    [Symbol.asyncDispose]: server.close,
  }
}

const namesOf = (ingest: TestIngest) => ingest.events.map(({ event }) => event)

describe('in Vercel’s edge runtime', () => {
  it('`response.waitUntil()` waits for the events, the response doesn’t', async () => {
    await using edge = await openEdge({ passEvent: true })

    const response = await edge.runtime.dispatchFetch('https://edge.example/')
    const storedAtResponse = edge.ingest.stats.stored
    await response.waitUntil()

    expect([response.status, storedAtResponse]).toEqual([200, 0])
    expect(edge.ingest.events).toMatchObject([
      { event: 'opened', properties: { globals: 'undefinedundefined' } },
    ])
    expect(edge.ingest.stats).toMatchObject({ stored: 1, duplicates: 0, requests: 3 })
  })

  it('an event of a streamed body is delivered', async () => {
    await using edge = await openEdge({ passEvent: true })

    const response = await edge.runtime.dispatchFetch('https://edge.example/stream')
    await response.text()
    await response.waitUntil()

    await expect.poll(() => namesOf(edge.ingest).sort(), { timeout: 10_000 }).toEqual(['opened', 'streamed'])
  })

  it('the events come before the response where there is no lifetime', async () => {
    await using edge = await openEdge({ passEvent: false })

    const response = await edge.runtime.dispatchFetch('https://edge.example/')

    expect([response.status, namesOf(edge.ingest)]).toEqual([200, ['opened']])
  })

  it.each(['undefined', '{}', 'raise()'])(
    'an emulation of Node’s modules does no harm: %s',
    async (given) => {
      const prelude = `globalThis.process = { env: {}, getBuiltinModule: () => (${given}) }`
      await using edge = await openEdge({ passEvent: true, prelude })

      const response = await edge.runtime.dispatchFetch('https://edge.example/')
      await response.waitUntil()

      expect([response.status, namesOf(edge.ingest)]).toEqual([200, ['opened']])
    },
  )

  it('the first response waits for nothing where `process` only looks like Node’s, as in Next’s sandbox', async () => {
    const prelude = `globalThis.process = { env: {}, prependListener() { throw new Error('not supported') } }`
    await using edge = await openEdge({ passEvent: true, prelude })

    const response = await edge.runtime.dispatchFetch('https://edge.example/')
    const storedAtResponse = edge.ingest.stats.stored
    await response.waitUntil()

    expect([response.status, storedAtResponse]).toEqual([200, 0])
    expect(namesOf(edge.ingest)).toEqual(['opened'])
  })

  it('the events of a handler that throws are delivered', async () => {
    await using edge = await openEdge({ passEvent: false })

    const response = await edge.runtime.dispatchFetch('https://edge.example/throw')

    expect([response.status, await response.text()]).toEqual([500, 'on purpose'])
    expect(namesOf(edge.ingest)).toEqual(['opened'])
  })
})
