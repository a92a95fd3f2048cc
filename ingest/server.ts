import type { Socket } from 'node:net'
import { type AsyncDisposeKey, asyncDispose } from '../src/async-dispose.ts'
import { serveRequest } from './http-door.ts'
import type { Receive } from './message.ts'
import { optionError } from './option-error.ts'

/** Where `listen()` listens. */
export interface ListenOptions {
  /** @default 0, a free port */
  readonly port?: number | undefined
  /** A loopback address: 127.0.0.0/8, `::1` or `localhost`. @default '127.0.0.1' */
  readonly host?: string | undefined
}

/** A running HTTP server; `await using` closes it where the runtime and the compiler know how. */
export interface IngestServer extends Readonly<Record<AsyncDisposeKey, () => Promise<void>>> {
  /** Origin, without a slash at the end: what a client takes as `apiHost`. */
  readonly url: string
  readonly port: number
  /** Stops listening and destroys open connections, requests that hang included. */
  readonly close: () => Promise<void>
}

export interface ServerPorts {
  readonly receive: Receive
  readonly onConnection: () => void
}

/** Longer than clients keep an idle connection, so that they end it and no request meets a closing socket. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000

export async function startServer(ports: ServerPorts, options: ListenOptions = {}): Promise<IngestServer> {
  const { port = 0, host = '127.0.0.1' } = options
  if (!/^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/.test(host))
    throw optionError('host', 'a loopback address', host)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw optionError('port', 'an integer from 0 to 65535', port)
  // Imported here so that the other doors work where there is no node:http.
  const { createServer } = await import('node:http')
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS }, (incoming, response) => {
    void serveRequest(ports.receive, incoming, response)
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    ports.onConnection()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })

  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  const actualPort = portOf(server.address())
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    port: actualPort,
    close,
    [asyncDispose]: close,
  }
}

function portOf(address: { port: number } | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  return address.port
}
