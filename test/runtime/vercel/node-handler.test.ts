import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { vercelWaitUntil, withGFlux } from '../../../adapters/vercel/index.ts'
import { createTestIngest } from '../../../ingest/index.ts'
import { initGFluxNode } from '../../../src/index.ts'
import { TOKEN } from '../../support/client.ts'
import { late, openClients, setEnv, sleep } from './client.ts'
import { installProvider } from './request-context.ts'

type NodeHandler = (request: IncomingMessage, response: ServerResponse) => unknown

/** A real server of one handler, asked once. `seen` is what the ingest had stored when the response was complete. */
async function ask(handler: NodeHandler, stored: () => number) {
  const server = createServer(handler as RequestListener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'body' })
    const text = await response.text()
    return { status: response.status, text, seen: stored() }
  } finally {
    server.close()
  }
}

describe('a Node handler', () => {
  const shapes: Record<string, (track: () => Promise<unknown>) => NodeHandler> = {
    'that ends its response at once': (track) => (_request, response) => {
      void track()
      response.end('ok')
    },
    'that goes on after its end': (track) => async (_request, response) => {
      response.end('ok')
      await sleep(20)
      await track()
    },
    'that writes in parts': (track) => async (_request, response) => {
      response.write('o')
      await track()
      response.end('k', 'utf8')
    },
    'that waits for its end': (track) => async (_request, response) => {
      await track()
      const finished = once(response, 'finish')
      response.end('ok')
      await finished
    },
    'that listens to its request': (track) => (request, response) => {
      request.resume().on('end', () => {
        void track()
        response.end('ok')
      })
    },
    'that listens to its request and answers first': (track) => (request, response) => {
      request.resume().on('end', () => {
        response.end('ok')
        void track()
      })
    },
    'that answers after it returned': (track) => (_request, response) => {
      setTimeout(() => {
        void track()
        response.end('ok')
      }, 20)
    },
  }

  it.each(Object.keys(shapes))('%s is answered first where a lifetime holds it', async (name) => {
    using provider = installProvider()
    const { plain, ingest } = openClients([late(50)])
    const request = provider.open()
    const handler = shapes[name]?.(() => plain.track('opened', { userId: 'user_1' })) as NodeHandler
    let returned: unknown
    const wrapped: NodeHandler = (...args) => {
      returned = request.run(() => withGFlux(plain, handler)(...args))
    }

    const { status, text, seen } = await ask(wrapped, () => ingest.stats.stored)
    await returned
    await request.end()

    expect({ status, text, seen, stored: ingest.stats.stored }).toEqual({
      status: 200,
      text: 'ok',
      seen: 0,
      stored: 1,
    })
  })

  it.each(Object.keys(shapes).filter((name) => !name.includes('after its end')))(
    '%s is answered after the flush where nothing does',
    async (name) => {
      using _env = setEnv({ VERCEL: '1' })
      const { plain, ingest } = openClients([late(50)])
      const handler = shapes[name]?.(() => plain.track('opened', { userId: 'user_1' })) as NodeHandler

      const { status, text, seen } = await ask(withGFlux(plain, handler), () => ingest.stats.stored)

      expect({ status, text, seen }).toEqual({ status: 200, text: 'ok', seen: 1 })
    },
  )

  it.each([
    ['a client', undefined],
    ['a client whose `waitUntil` is the adapter’s', vercelWaitUntil],
  ])('that listens to its request has its events held with it: %s', async (_title, waitUntil) => {
    using provider = installProvider()
    const ingest = createTestIngest()
    ingest.fail(late(50))
    const gflux = initGFluxNode({ token: TOKEN, fetch: ingest.fetch, waitUntil })
    const request = provider.open()
    const handler = withGFlux(gflux, (incoming: IncomingMessage, response: ServerResponse) => {
      incoming.resume().on('end', () => {
        void gflux.track('opened', { userId: 'user_1' })
        response.end('ok')
      })
    })

    await ask(
      (...args) => request.run(() => handler(...args)),
      () => 0,
    )
    await request.end()

    expect(ingest.stats.stored).toBe(1)
  })

  it('whose response does not end holds its request no longer than the deadline, and delivers', async () => {
    using provider = installProvider()
    const { plain, ingest } = openClients()
    const deadline = Date.now() + 2000
    const request = provider.open({ deadline })
    const response = { writableEnded: false, end: () => undefined, once: () => undefined }
    const handler = withGFlux(plain, (_request: object, _response: object) => {
      void plain.track('opened', { userId: 'user_1' })
    })

    request.run(() => handler({}, response))
    await request.end()
    const endedAt = Date.now()

    expect(ingest.stats.stored).toBe(1)
    expect(endedAt).toBeLessThan(deadline)
  })

  it('may be awaited before its response is ended', async () => {
    using _env = setEnv({ VERCEL: '1' })
    const { plain, ingest } = openClients()
    const middleware = withGFlux(plain, async (_request: object, _response: ServerResponse) => {
      await plain.track('opened', { userId: 'user_1' })
    })

    const { text, seen } = await ask(
      async (request, response) => {
        await middleware(request, response)
        response.end('ok')
      },
      () => ingest.stats.stored,
    )

    expect({ text, seen }).toEqual({ text: 'ok', seen: 1 })
  })

  it('returns what it returned', () => {
    using provider = installProvider()
    const { plain } = openClients()
    const response = { writableEnded: true, end: () => undefined, once: () => undefined }

    const result = provider
      .open()
      .run(() => withGFlux(plain, (_request: object, _response: object) => 'sync')({}, response))

    expect(result).toBe('sync')
  })
})
