import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { describe, expect, it } from 'vitest'
import { withGFlux } from '../../../adapters/vercel/index.ts'
import type { GFluxNode } from '../../../src/index.ts'
import { untyped } from '../../support/client.ts'
import { late, openClients, setEnv, sleep } from './client.ts'

type Track = () => Promise<unknown>
type Listen = (request: IncomingMessage, response: ServerResponse) => unknown

function openExpress(track: Track): Listen {
  const app = express()
  app.use((_request, _response, next) => {
    void track()
    next()
  })
  app.get('/throws', (_request, response) => {
    response.json({ ok: true })
    throw new Error('after the response')
  })
  app.get('/next', async (_request, response, next) => {
    response.json({ ok: true })
    await sleep(5)
    next()
  })
  app.get('/twice', (_request, response) => {
    response.json({ ok: true })
    if (!response.headersSent) response.status(500).send('again')
  })
  app.get('/late', (_request, response) => {
    setTimeout(() => {
      if (!response.writableEnded) response.status(503).send('too late')
    }, 20)
    response.json({ ok: true })
  })
  app.set('env', 'test')
  return app
}

/** What a response looks like from the call of `end` on. */
const looksOf = (response: ServerResponse): unknown[] => {
  const codeOf = (call: () => unknown): unknown => {
    try {
      return call() && 'done'
    } catch (error) {
      return (error as { code?: string }).code
    }
  }
  return [
    [response.headersSent, response.writableEnded, Reflect.get(response, 'finished')],
    codeOf(() => response.setHeader('x-late', 'true')),
    codeOf(() => response.appendHeader('x-late', 'true')),
    codeOf(() => response.removeHeader('content-type')),
    codeOf(() => response.writeHead(500)),
    codeOf(() => response.flushHeaders() ?? true),
    codeOf(() => response.end()),
  ]
}

/** A server of its own, asked for each of the paths in a row, on one connection. */
async function askAll(listen: Listen, paths: readonly string[]) {
  const server = createServer(listen as RequestListener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const answers: unknown[] = []
  for (const path of paths) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    const length = response.headers.get('content-length')
    answers.push([response.status, length, await response.text()])
  }
  server.close()
  return answers
}

const wrap = (gflux: GFluxNode, listen: Listen): Listen => withGFlux(gflux, listen)

describe('where a response waits for the flush', () => {
  it.each(['/throws', '/next', '/twice', '/late', '/unknown'])(
    'an Express application answers as it does unwrapped: %s',
    async (path) => {
      using _env = setEnv({ VERCEL: '1' })
      const { plain, ingest } = openClients([late(50)])
      const app = openExpress(() => plain.track('opened', { userId: 'user_1' }))

      const bare = await askAll(
        openExpress(async () => null),
        [path, path],
      )
      const wrapped = await askAll(wrap(plain, app), [path, path])

      expect(wrapped).toEqual(bare)
      expect(ingest.stats.stored).toBe(2)
    },
  )

  it.each<[title: string, answer: (response: ServerResponse) => unknown]>([
    ['at once', (response) => response.end('ok')],
    ['in parts', (response) => response.write('o') && response.end('k')],
    ['with nothing', (response) => response.writeHead(204).end()],
  ])('it looks ended from then on: %s', async (_title, answer) => {
    using _env = setEnv({ VERCEL: '1' })
    const { plain } = openClients([late(50)])
    const looks: unknown[][] = []
    const listen: Listen = (_request, response) => {
      response.on('error', () => undefined)
      void plain.track('opened', { userId: 'user_1' })
      answer(response)
      looks.push(looksOf(response))
    }

    const bare = await askAll(listen, ['/'])
    const wrapped = await askAll(wrap(plain, listen), ['/'])

    expect(wrapped).toEqual(bare)
    expect(looks[1]).toEqual(looks[0])
  })

  it('nothing of it stays on the response and its connection', async () => {
    using _env = setEnv({ VERCEL: '1' })
    const { plain } = openClients([late(50)])
    const own: unknown[] = []
    const listen = wrap(plain, async ({ socket }, response) => {
      const look = () => own.push(Object.hasOwn(response, 'end'), Object.hasOwn(socket, 'destroy'))
      response.once('finish', look)
      await plain.track('opened', { userId: 'user_1' })
      response.end('ok')
    })

    await askAll(listen, ['/', '/'])

    expect(own).toEqual([false, false, false, false])
  })

  it('what Node refuses is thrown at the call, and another answer may follow', async () => {
    using _env = setEnv({ VERCEL: '1' })
    const { plain, ingest } = openClients()
    const listen = wrap(plain, async (_request, response) => {
      await plain.track('opened', { userId: 'user_1' })
      try {
        response.end(untyped(1))
      } catch (error) {
        response.statusCode = 500
        response.end((error as { code?: string }).code)
      }
    })

    const answers = await askAll(listen, ['/'])

    expect(answers).toEqual([[500, '20', 'ERR_INVALID_ARG_TYPE']])
    expect(ingest.stats.stored).toBe(1)
  })

  it('a response that Node did not make ends later, and once', async () => {
    using _env = setEnv({ VERCEL: '1' })
    const { plain, ingest } = openClients([late(50)])
    const ends: unknown[] = []
    const response = {
      writableEnded: false,
      end: (text: string) => ends.push([text, ingest.stats.stored]),
      once: () => undefined,
    }
    const handler = withGFlux(plain, (_request: object, { end }: typeof response) => {
      void plain.track('opened', { userId: 'user_1' })
      end('ok')
      if (!response.writableEnded) end('again')
    })

    handler({}, response)
    await expect.poll(() => ends.length, { timeout: 10_000 }).toBeGreaterThan(0)

    expect(ends).toEqual([['ok', 1]])
  })

  it('of a handler that is wrapped twice, both flushes come before it', async () => {
    using _env = setEnv({ VERCEL: '1' })
    const { plain, gflux, ingest } = openClients([late(50)])
    const inner = wrap(gflux, (_request, response) => {
      void plain.track('opened', { userId: 'user_1' })
      void gflux.track('opened', { userId: 'user_2' })
      response.end('ok')
    })
    let stored = 0

    const outer = wrap(plain, (request, response) => {
      response.once('finish', () => {
        stored = ingest.stats.stored
      })
      void plain.track('opened', { userId: 'user_3' })
      return inner(request, response)
    })
    const answers = await askAll(outer, ['/'])

    expect(answers).toEqual([[200, '2', 'ok']])
    expect(stored).toBe(3)
  })
})
