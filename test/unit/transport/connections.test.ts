import { createServer, type Server, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { initGFluxNode } from '../../../src/index.ts'
import { TOKEN } from '../../support/client.ts'
import { openIngest, trackMany } from '../../support/http.ts'
import { until } from '../ingest/doors.ts'

/** A raw HTTP server that resets every connection at its second request. */
async function openFickle() {
  const keys: string[] = []
  const stored = new Set<string>()
  const sockets: Socket[] = []
  const server: Server = createServer((socket: Socket) => {
    sockets.push(socket)
    let requests = 0
    let text = ''
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      text += data
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1])
      const end = text.indexOf('\r\n\r\n') + 4
      if (end < 4 || Buffer.byteLength(text.slice(end)) < length) return
      const key = /x-idempotency-key: (\S+)/i.exec(text)?.[1] ?? ''
      text = ''
      keys.push(key)
      requests += 1
      if (requests > 1) {
        socket.resetAndDestroy()
        return
      }
      stored.add(key)
      const body = '{"accepted":1,"rejected":0}'
      socket.write(`HTTP/1.1 202 Accepted\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    })
  })
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  return { url: `http://127.0.0.1:${port}`, keys, stored, [Symbol.asyncDispose]: close }
}

describe('connections', () => {
  it('are reused: a thousand flushes take a few', async () => {
    await using http = await openIngest()
    const gflux = http.connect()

    for (let index = 0; index < 1000; index += 1) {
      await trackMany(gflux, 1, index)
      await gflux.flush()
    }

    expect(http.ingest.stats).toMatchObject({ requests: 1000, stored: 1000, duplicates: 0 })
    expect(http.ingest.stats.connections).toBeLessThanOrEqual(5)
  }, 30_000)

  it.each([
    ['errors', { status: 429, retryAfter: 'now', times: 100 }],
    ['errors with a long body', { status: 500, body: 'x'.repeat(500_000), times: 100 }],
    ['redirects', { redirect: '/elsewhere', times: 100 }],
    ['what is no JSON', { body: 'not-json', times: 100 }],
  ] as const)('are reused after %s', async (_what, failure) => {
    await using http = await openIngest()
    const gflux = http.connect({ maxRetries: 0 })
    http.ingest.fail(failure)
    await trackMany(gflux, 1)

    for (let index = 0; index < 50; index += 1) await gflux.flush().catch(() => undefined)

    expect(http.ingest.stats.requests).toBe(50)
    expect(http.ingest.stats.connections).toBeLessThanOrEqual(5)
  })

  it('that the server closed while idle cost no error', async () => {
    await using http = await openIngest()
    const gflux = http.connect({ maxRetries: 0 })
    await trackMany(gflux, 1)
    await gflux.flush()
    await http.server.close()
    const again = await http.ingest.listen({ port: http.server.port })
    await trackMany(gflux, 1, 1)

    const result = await gflux.flush()
    await again.close()

    expect(result).toMatchObject({ accepted: 1, pending: 0 })
    expect(http.ingest.stats).toMatchObject({ stored: 2, duplicates: 0 })
  })

  it('that die at their second request are replaced at once, under the same key', async () => {
    await using fickle = await openFickle()
    const debug: string[] = []
    const gflux = initGFluxNode({
      token: TOKEN,
      apiHost: fickle.url,
      logger: { debug: (_message, context) => debug.push(`${context?.['code']} ${context?.['delayMs']}`) },
    })

    for (let index = 0; index < 6; index += 1) {
      await trackMany(gflux, 1, index)
      await gflux.flush()
    }

    expect(fickle.stored.size).toBe(6)
    expect(new Set(fickle.keys).size).toBe(6)
    expect(debug).toContain('network_error 0')
  })

  it('are few, however many calls are made at once, and each call has its turn', async () => {
    await using http = await openIngest()
    const gflux = http.connect()
    http.ingest.fail({ delayMs: 10, every: 1 })

    const calls = Array.from({ length: 3000 }, (_, n) =>
      gflux.alias({ userId: `user_${n}`, anonymousId: `device_${n}` }),
    )
    await Promise.all(calls)

    expect(http.ingest.aliases).toHaveLength(3000)
    expect(http.ingest.stats.maxInFlight).toBeLessThan(140)
  })

  it('are few as well while the API hangs, and keep no event waiting', async () => {
    await using http = await openIngest()
    const gflux = http.connect({ maxRetries: 0, timeoutMs: 1000 })
    http.ingest.fail({ hang: true, every: 1, path: '/v1/identify/alias' })
    const calls = Array.from({ length: 500 }, (_, n) =>
      gflux.alias({ userId: `user_${n}`, anonymousId: `device_${n}` }).catch(({ code }) => code),
    )
    await trackMany(gflux, 1)

    await gflux.flush()

    expect(http.ingest.stats.stored).toBe(1)
    expect(await Promise.all(calls)).toContain('request_timeout')
    expect(http.ingest.stats.maxInFlight).toBeLessThan(140)
  })

  it('are given up at the time limit, not kept open', async () => {
    await using http = await openIngest()
    const gflux = http.connect({ maxRetries: 0, timeoutMs: 300 })
    http.ingest.fail({ hang: true })
    await trackMany(gflux, 1)

    await gflux.flush().catch(() => undefined)
    await until(() => http.ingest.stats.inFlight === 0)

    expect(http.ingest.requests).toMatchObject([{ status: 'hang' }])
  })
})
