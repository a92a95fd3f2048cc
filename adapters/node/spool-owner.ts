import { rename, unlink } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join, relative } from 'node:path'

/** What `sockaddr_un` holds on macOS, less the `.new` and the end. https://man.freebsd.org/cgi/man.cgi?unix(4) */
const maxPathBytes = 99

/** Bytes that the path of a spool may have, absolute or from the working directory. */
export const maxFolderBytes: number =
  process.platform === 'win32' ? Infinity : maxPathBytes - '/0123456789abcdef.sock'.length

export interface Owner {
  /** Whatever it owns is an orphan from now on. */
  end(): Promise<void>
}

/**
 * Who owns files of a spool says so by a socket that it listens on. The kernel closes it when the process ends, however
 * it ends: no lock is left behind, no process id can be mistaken for another's, in whatever container it runs.
 */
export async function listenAsOwner(directory: string, id: string): Promise<Owner> {
  const server = createServer((socket) => socket.destroy())
  const path = socketPath(directory, id)
  const isFile = process.platform !== 'win32'
  // A socket is there before it listens, and looks dead meanwhile.
  const newPath = isFile ? `${path}.new` : path
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // A cluster's primary would listen in place of its worker otherwise, and stop when that is disconnected.
    server.listen({ path: newPath, exclusive: true }, resolve)
  })
  server.unref()
  if (isFile) await rename(newPath, path)
  return {
    async end() {
      server.close()
      if (isFile) await unlink(path).catch(() => undefined) // gone with its folder
    },
  }
}

/** Where in doubt, it is; `undefined` where that can't be told of what another user owns. */
export function isOwnerAlive(directory: string, id: string): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath(directory, id))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'EACCES' ? undefined : code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    )
  })
}

function socketPath(directory: string, id: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\gflux-${id}`
  return join(shortestPath(directory), `${id}.sock`)
}

/** Absolute or from the working directory. */
export function shortestPath(directory: string): string {
  const path = relative(process.cwd(), directory)
  return path.length < directory.length ? path : directory
}
