import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createTestIngest, type IngestServer } from '../../../ingest/index.ts'
import { untyped } from '../../support/client.ts'
import { BATCH, batch, SECRET, until, uuid } from './doors.ts'

describe('the HTTP door', () => {
  const servers: IngestServer[] = []
  const ingest = createTestIngest()
  const listen = async (...options: Parameters<typeof ingest.listen>) => {
    const server = await ingest.listen(...options)
    servers.push(server)
    return server
  }
  const send = (url: string, key = uuid(1)) =>
    fetch(url + BATCH, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${SECRET}`,
        'content-type': 'application/json',
        'x-idempotency-key': key,
      },
      body: JSON.stringify(batch('one')),
    })

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()))
    ingest.reset()
  })

  it('listens on a free port of 127.0.0.1 by default', async () => {
    const server = await listen()

    expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
    expect((await send(server.url)).status).toBe(202)
  })

  it.each(['0.0.0.0', '::', '192.168.0.1', 'example.com', '127.0.0.1.example.com'])(
    'refuses the host %s',
    async (host) => {
      await expect(ingest.listen({ host })).rejects.toThrow('Expected `host` to be a loopback address')
    },
  )

  it.each(['8787', 1.5, -1, 65_536, null])('refuses the port %o', async (port) => {
    await expect(ingest.listen({ port: untyped(port) })).rejects.toThrow('Expected `port` to be an integer')
  })

  it('rejects where the port is taken', async () => {
    const { port } = await listen()

    await expect(ingest.listen({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('counts TCP connections, not requests', async () => {
    const { port } = await listen()
    const request = `GET / HTTP/1.1\r\nHost: localhost\r\n\r\n`
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })

    socket.write(request)
    await until(() => received.split('not_found').length === 2)
    socket.write(request)
    await until(() => received.split('not_found').length === 3)
    socket.destroy()

    expect(ingest.stats).toMatchObject({ connections: 1, requests: 2 })
  })

  it('records a client that leaves in the middle of its body, and stores nothing', async () => {
    const { port } = await listen()
    const socket = connect(port, '127.0.0.1')

    socket.write(`POST ${BATCH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"events":[`)
    await until(() => ingest.stats.inFlight === 1)
    socket.destroy()
    await until(() => ingest.stats.inFlight === 0)

    expect(ingest.requests).toMatchObject([{ path: BATCH, status: 'reset' }])
    expect(ingest.stats.stored).toBe(0)
  })

  it('destroys open connections when it closes, requests that hang included', async () => {
    const server = await listen()
    ingest.fail({ hang: true })

    const pending = send(server.url)
    await until(() => ingest.requests[0]?.status === 'hang')
    const rejected = expect(pending).rejects.toThrow('fetch failed')
    await server.close()
    await server.close()

    await rejected
    await until(() => ingest.stats.inFlight === 0)
    await expect(send(server.url)).rejects.toThrow('fetch failed')
  })

  it('sends a truncated body with the length of the whole one', async () => {
    const { port } = await listen()
    ingest.fail({ body: 'truncated' })
    const body = JSON.stringify(batch('one'))
    const socket = connect(port, '127.0.0.1')
    let received = ''
    let isClosed = false
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.on('close', () => {
      isClosed = true
    })

    socket.write(
      `POST ${BATCH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${SECRET}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await until(() => isClosed)

    const [head = '', sent = ''] = received.split('\r\n\r\n')
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
    expect(head).toContain('202 Accepted')
    expect(sent.length).toBe(Math.floor(length / 2))
    expect(ingest.stats.stored).toBe(1)
  })

  it('says so when it fails itself, and keeps no key for that', async () => {
    const errors = [new Error('no sleep')]
    const sleep = async () => {
      for (const error of errors.splice(0)) throw error
    }
    const broken = createTestIngest({ sleep })
    const server = await broken.listen()
    servers.push(server)
    broken.fail({ delayMs: 1, times: 2 })

    const responses = [await send(server.url), await send(server.url)]

    expect(responses.map(({ status }) => status)).toEqual([500, 202])
    expect(await responses[0]?.json()).toMatchObject({ detail: expect.stringContaining('no sleep') })
    expect(broken.stats).toMatchObject({ stored: 1, inFlight: 0 })
  })

  it('shares one memory between servers and the in-process door', async () => {
    const [first, second] = [await listen(), await listen()]

    await send(first.url)
    await send(second.url, uuid(2))
    await ingest.handle(new Request(`${first.url}${BATCH}`, { method: 'POST' }))

    expect(ingest.stats).toMatchObject({ requests: 3, stored: 2, duplicates: 1 })
  })

  it('closes by disposal', async () => {
    let url = ''
    {
      await using server = await ingest.listen()
      url = server.url
    }

    await expect(send(url)).rejects.toThrow('fetch failed')
  })
})
