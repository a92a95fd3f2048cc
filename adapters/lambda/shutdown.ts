import { isMainThread } from 'node:worker_threads'
import type { Flushable } from '../../src/index.ts'
import { ClientSet } from '../shared/client-set.ts'
import { drainClients } from '../shared/drain-clients.ts'
import { onSignals } from '../shared/signals.ts'

/**
 * Of the 500 ms before the SIGKILL the runtime may get as little as 150: enough for one request, not for a retry.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
 */
const windowMs = 120

let clients: ClientSet | undefined

/**
 * SIGTERM flushes what the client still has queued. Lambda sends it where any extension is registered, one of a layer
 * too; worker threads get no signals.
 */
export function flushAtShutdown(gflux: Flushable): void {
  clients ??= watchShutdown()
  clients.add(gflux)
}

function watchShutdown(): ClientSet {
  const watched = new ClientSet()
  if (isMainThread && process.env['AWS_LAMBDA_RUNTIME_API'])
    onSignals(['SIGTERM'], { work: () => drainClients(watched.alive(), windowMs) })
  return watched
}
