import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { answer } from './http.ts'
import type { RuntimeApi } from './runtime-api.ts'

export interface ApiServer {
  /** Host and port, as the runtime's environment has it. */
  readonly address: string
  readonly close: () => void
}

type Api = Pick<RuntimeApi, 'handle'>

/** Serves the APIs on loopback. Nothing times out: a frozen client is silent for long. */
export async function startApiServer(apis: readonly Api[]): Promise<ApiServer> {
  const timeouts = { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }
  const server = createServer(timeouts, (request, response) => {
    const path = request.url ?? ''
    if (apis.some((api) => api.handle(request, response, path))) return
    answer(response, 404, '')
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { address: `127.0.0.1:${port}`, close }
}
