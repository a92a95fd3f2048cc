import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { disconnectMidStream } from '../../support/disconnect.ts'
import { crossTalk, openWorkerd, until, type Workerd } from '../../support/workerd.ts'

const script = `
  import { withGFlux } from './dist/cloudflare.js'
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  const text = new TextEncoder()
  let isOpen = false
  const gate = async () => {
    while (!isOpen) await sleep(5)
  }
  export default withGFlux((env) => ({ token: 'gflux_secret_x', fetch: env.INGEST, timeoutMs: 1000 }), {
    async fetch(request, env, ctx, gflux) {
      const { pathname } = new URL(request.url)
      const track = (when) => gflux.track('tracked', { userId: 'user_1', properties: { when } })
      if (pathname === '/open') {
        isOpen = true
        return new Response('open')
      }
      isOpen = false
      track('before')
      if (pathname === '/wait-until') {
        ctx.waitUntil(
          gate().then(async () => {
            track('late')
            await sleep(30)
            ctx.waitUntil(sleep(30).then(() => track('later still')))
          }),
        )
        return new Response('answered')
      }
      if (pathname === '/stream') {
        const body = new ReadableStream({
          start: (controller) => controller.enqueue(text.encode('piece ')),
          async pull(controller) {
            await gate()
            track('while streaming')
            controller.enqueue(text.encode('end'))
            controller.close()
          },
        })
        return new Response(body, { headers: { 'content-type': 'x/y' } })
      }
      if (pathname === '/endless') {
        const { readable, writable } = new TransformStream()
        const writer = writable.getWriter()
        ctx.waitUntil((async () => {
          await writer.write(text.encode('piece'))
          await sleep(50)
          track('while streaming')
          while (true) await writer.write(text.encode('more'))
        })().catch(() => {}))
        return new Response(readable)
      }
      return new Response('answered')
    },
  })`

describe('events of a request', () => {
  let worker: Workerd
  const tracked = (): unknown[] =>
    worker.ingest.events.map(({ properties }) => (properties as { when: string }).when)
  beforeAll(async () => {
    worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      options: { unsafeDirectSockets: [{ host: '127.0.0.1' }] },
    })
  })
  beforeEach(() => worker.ingest.reset())
  afterAll(() => worker[Symbol.asyncDispose]())

  it('the response does not wait for them', async () => {
    worker.ingest.fail({ delayMs: 600 })

    const answer = await worker.get('/plain')
    const storedByThen = worker.ingest.stats.stored
    await until(() => worker.ingest.stats.stored === 1)

    expect([answer, storedByThen]).toEqual(['answered', 0])
  })

  it('are delivered when they are tracked in work that follows the response', async () => {
    await worker.get('/wait-until')
    await until(() => worker.ingest.stats.stored === 1)
    await worker.get('/open')
    await until(() => worker.ingest.stats.stored === 3)

    expect(tracked()).toEqual(['before', 'late', 'later still'])
  })

  it('are delivered when they are tracked while the body streams, which is passed on piece by piece', async () => {
    const response = await worker.miniflare.dispatchFetch('http://worker/stream')
    const reader = response.body?.getReader()
    const first = new TextDecoder().decode((await reader?.read())?.value as Uint8Array)
    const trackedByThen = tracked()
    await worker.get('/open')
    const second = new TextDecoder().decode((await reader?.read())?.value as Uint8Array)
    await until(() => worker.ingest.stats.stored === 2)

    expect([first, second, response.headers.get('content-type')]).toEqual(['piece ', 'end', 'x/y'])
    expect(trackedByThen).not.toContain('while streaming')
    expect(tracked()).toEqual(['before', 'while streaming'])
  })

  it('are delivered though the client went away, and writes to it hang', async () => {
    worker.ingest.fail({ status: 503 })

    await disconnectMidStream(new URL('/endless', await worker.miniflare.unsafeGetDirectURL('worker')))
    await until(() => worker.ingest.stats.stored === 2)

    expect(tracked().sort()).toEqual(['before', 'while streaming'])
  })

  it('never met another request’s I/O', () => {
    expect(worker.output.join('')).not.toMatch(crossTalk)
  })
})
