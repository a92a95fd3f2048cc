import { type Flushable, flushAfter } from '../../src/index.ts'

/**
 * Of the 500 ms before the SIGKILL the runtime may get as little as 150: enough for one request, not for a retry.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
 */
const windowMs = 120

/** Flushes what is still queued when Lambda ends the environment. The process then dies as it would have. */
export function flushOnSigterm(clients: Iterable<Flushable>): void {
  async function onSigterm(): Promise<void> {
    // Another listener, which may be gone by the end of the flush, has taken the process's end over.
    const isAlone = process.listenerCount('SIGTERM') === 1
    const flushes = [...clients].map((gflux) => flushAfter(gflux, undefined, { timeoutMs: windowMs }))
    await Promise.all(flushes)
    process.removeListener('SIGTERM', onSigterm)
    // `process.exit()` would wait for the runtime's thread that waits for the next invocation.
    if (isAlone) process.kill(process.pid, 'SIGTERM')
  }
  process.prependListener('SIGTERM', onSigterm)
}
