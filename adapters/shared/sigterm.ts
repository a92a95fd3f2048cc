import type { Flushable } from '../../src/index.ts'
import { ownListeners } from './own-listeners.ts'

/** What is used of Node's `process`. */
interface SignalledProcess {
  readonly pid: number
  kill(pid: number, signal: 'SIGTERM'): void
  listeners(signal: 'SIGTERM'): object[]
  prependListener(signal: 'SIGTERM', listener: () => Promise<void>): void
  removeListener(signal: 'SIGTERM', listener: () => Promise<void>): void
}

/** Does work at SIGTERM, in a process of Node's. It then dies as it would have. */
export function onSigterm(work: (isAlone: boolean) => Promise<unknown>): void {
  const { process } = globalThis as unknown as { readonly process: SignalledProcess }
  const listener = async (): Promise<void> => {
    // Another listener, which may be gone by the end of the work, has taken the process's end over.
    const isAlone = process.listeners('SIGTERM').every((each) => ownListeners().has(each))
    await work(isAlone)
    process.removeListener('SIGTERM', listener)
    // Not `process.exit()`, which on Lambda waits for the thread that waits for the next invocation.
    if (isAlone) process.kill(process.pid, 'SIGTERM')
  }
  ownListeners().add(listener)
  process.prependListener('SIGTERM', listener)
}

/** Also to an API that was down: no later flush will look for it. What fails is told through the logger. */
export function flushFinally(clients: Iterable<Flushable>, timeoutMs: number): Promise<unknown> {
  return Promise.allSettled([...clients].map((gflux) => gflux.flush({ timeoutMs, ifDown: 'try' })))
}
