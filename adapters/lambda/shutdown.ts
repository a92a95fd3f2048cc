import { isMainThread } from 'node:worker_threads'
import type { Flushable } from '../../src/index.ts'
import { flushFinally, onSignal } from '../shared/sigterm.ts'

/**
 * Of the 500 ms before the SIGKILL the runtime may get as little as 150: enough for one request, not for a retry.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
 */
const windowMs = 120

const clients = new Set<WeakRef<Flushable>>()
const known = new WeakSet<Flushable>()

/**
 * SIGTERM flushes what the client still has queued. Lambda sends it where any extension is registered, one of a layer
 * too; worker threads get no signals.
 */
export function flushAtShutdown(gflux: Flushable): void {
  if (known.has(gflux)) return
  if (!clients.size && isMainThread && process.env['AWS_LAMBDA_RUNTIME_API']) onSignal('SIGTERM', flushAll)
  for (const client of clients) if (!client.deref()) clients.delete(client)
  known.add(gflux)
  clients.add(new WeakRef(gflux))
}

function flushAll(): Promise<unknown> {
  const alive = [...clients].flatMap((client) => client.deref() ?? [])
  return flushFinally(alive, windowMs)
}
