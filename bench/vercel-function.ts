/**
 * A child process with two functions, wrapped and bare, under Vercel's contract: each request has a context of its own,
 * whose `waitUntil` holds what comes after the response.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { initGFluxVercel, withGFlux } from '@getfluxly/node/vercel'

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown

const storage = new AsyncLocalStorage<object>()
const held = new Set<Promise<unknown>>()
const waitUntil = (promise: Promise<unknown>): void => {
  held.add(promise)
  void promise.finally(() => held.delete(promise))
}
Object.assign(globalThis, { [Symbol.for('@vercel/request-context')]: { get: () => storage.getStore() } })

const gflux = initGFluxVercel({
  token: process.env['GFLUX_SERVER_TOKEN'] ?? '',
  apiHost: process.env['GFLUX_API_HOST'],
})

const bare: Handler = (_request, response) => {
  response.end('{"ok":true}')
}
const wrapped = withGFlux(gflux, async (_request: IncomingMessage, response: ServerResponse) => {
  for (let index = 0; index < 3; index++)
    await gflux.track('order_placed', { userId: 'user_123', properties: { total_usd: index } })
  response.end('{"ok":true}')
})

async function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => {
    storage.run({ waitUntil }, () => void handler(request, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

process.once('disconnect', () => process.exit())
process.send?.({ urls: [await serve(wrapped), await serve(bare)] })
