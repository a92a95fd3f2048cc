import { deliveryOf } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { flushQuietly } from './flush-quietly.ts'
import { countOthers, ownListeners } from './own-listeners.ts'

/** What is used of Node's `process`. */
interface SignalledProcess {
  readonly pid: number
  kill(pid: number, signal: Signal): void
  prependListener(signal: Signal, listener: () => Promise<void>): void
  removeListener(signal: Signal, listener: () => Promise<void>): void
}

type Signal = 'SIGTERM' | 'SIGINT'

/** Does work at a signal, in a process of Node's. It then dies as it would have. */
export function onSignal(signal: Signal, work: (isAlone: boolean) => Promise<unknown>): void {
  const { process } = globalThis as unknown as { readonly process: SignalledProcess }
  const listener = async (): Promise<void> => {
    // Another listener, which may be gone by the end of the work, has taken the process's end over.
    const isAlone = !countOthers(signal)
    const done = work(isAlone)
    await undefined // others are called with this signal yet, and must not find themselves alone
    // A person who presses Ctrl+C again does not want to wait.
    if (isAlone && signal === 'SIGINT') process.removeListener(signal, listener)
    await done
    process.removeListener(signal, listener)
    // Not `process.exit()`, which on Lambda waits for the thread that waits for the next invocation.
    if (isAlone) process.kill(process.pid, signal)
  }
  ownListeners().add(listener)
  process.prependListener(signal, listener)
}

/**
 * Also to an API that was down: no later flush will look for it. What is left is told by a warning of its own: that of an
 * earlier flush may hold the usual one back.
 */
export async function flushFinally(clients: Iterable<Flushable>, timeoutMs: number): Promise<void> {
  await undefined // other listeners are called with this signal yet, and may track
  const flushOne = async (gflux: Flushable): Promise<void> => {
    const events = await flushQuietly(gflux, { timeoutMs, ifDown: 'try' })
    if (events) deliveryOf(gflux)?.log.warn('The process ends with events that could not be sent', { events })
  }
  await Promise.all([...clients].map(flushOne))
}
