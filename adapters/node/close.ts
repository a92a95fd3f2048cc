import { deliveryOf } from '../../src/adapter.ts'
import { type Flushable, flushAfter } from '../../src/index.ts'

/** A Node server, which is also what Express's `listen()` and Hono's `serve()` return. */
export interface ClosableServer {
  once(event: 'close', listener: () => void): unknown
}

const closeTimeoutMs = 5000

/**
 * Sends what is queued when the server is closed: for what goes on without it, such as tests. A process that ends then
 * does so anyway.
 *
 * @example
 * ```ts
 * flushOnClose(gflux, app.listen(3000))
 * ```
 */
export function flushOnClose(gflux: Flushable, server: ClosableServer): void {
  server.once('close', () => void flushAtClose(gflux))
}

/** What the close of a server comes to, unless the client is closed by then. Never rejects. */
export async function flushAtClose(gflux: Flushable): Promise<void> {
  if (!deliveryOf(gflux)?.isClosed) await flushAfter(gflux, undefined, { timeoutMs: closeTimeoutMs })
}
