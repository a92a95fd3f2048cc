import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'

interface FlakyRequest {
  readonly key: string | undefined
  answered: boolean
}

export interface FlakyServer extends AsyncDisposable {
  readonly url: string
  readonly requests: readonly FlakyRequest[]
}

const ANSWER = '{"accepted":1,"rejected":0,"request_id":"req_1"}'

/**
 * An API whose first connection takes one request: at the second it is reset, ended, or silent. HTTP by hand, since a
 * server of Node's would not do that.
 */
export async function startFlakyServer(fault: 'reset' | 'end' | 'silence'): Promise<FlakyServer> {
  const requests: FlakyRequest[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const isFirst = sockets.size === 0
    let served = 0
    let text = ''
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('data', (data) => {
      text += data
      const [head = '', body] = text.split('\r\n\r\n')
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
      if (body === undefined || Buffer.byteLength(body) < length) return
      text = ''
      served += 1
      const answered = !isFirst || served === 1
      requests.push({ key: /x-idempotency-key: (\S+)/i.exec(head)?.[1], answered })
      if (answered) socket.write(`HTTP/1.1 202 Accepted\r\ncontent-length: ${ANSWER.length}\r\n\r\n${ANSWER}`)
      else if (fault === 'reset') socket.resetAndDestroy()
      else if (fault === 'end') socket.end()
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
