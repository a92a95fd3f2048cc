import { connect } from 'node:net'

/** Asks for a page on a socket of its own, and goes away when the first piece of the body has come. */
export async function disconnectMidStream(url: URL): Promise<void> {
  const socket = connect({ host: url.hostname, port: Number(url.port) })
  socket.setEncoding('utf8')
  await new Promise<void>((resolve, reject) => {
    let received = ''
    socket.on('error', reject)
    socket.on('data', (data: string) => {
      received += data
      if (received.includes('piece')) resolve()
    })
    socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: worker\r\n\r\n`)
  })
  socket.destroy()
}
