import type { Flushable } from '../../src/index.ts'
import { within } from './within.ts'

/** What is used of Node's `process`. Edge runtimes have none of it, and send no signals. */
interface SignalledProcess {
  readonly pid: number
  kill(pid: number, signal: 'SIGTERM'): void
  listenerCount(signal: 'SIGTERM'): number
  prependListener?(signal: 'SIGTERM', listener: () => Promise<void>): void
  removeListener(signal: 'SIGTERM', listener: () => Promise<void>): void
}

export interface SigtermOptions {
  /** What the platform leaves between SIGTERM and SIGKILL, less a margin, in milliseconds. */
  readonly windowMs: number
  /** Called at the signal with what waits for the work and flushes the clients, where others listen for it too. */
  readonly onShared?: ((drain: () => Promise<void>) => void) | undefined
}

/** What the end of this process waits for. */
interface Ending extends SigtermOptions {
  readonly clients: Set<WeakRef<Flushable>>
  readonly known: WeakSet<Flushable>
  /** Work in the background; none of it rejects. */
  readonly work: Set<Promise<unknown>>
}

const key: unique symbol = Symbol.for('@getfluxly/node/sigterm')
const shared = globalThis as { [key]?: Ending; readonly process?: SignalledProcess }

/** From now on SIGTERM flushes what the client has queued. */
export function flushOnSigterm(gflux: Flushable, options: SigtermOptions): void {
  const { clients, known } = listen(options)
  if (known.has(gflux)) return
  known.add(gflux)
  for (const client of clients) if (!client.deref()) clients.delete(client)
  clients.add(new WeakRef(gflux))
}

/** From now on SIGTERM waits for this work. */
export function waitOnSigterm(work: Promise<unknown>, options: SigtermOptions): void {
  const { work: all } = listen(options)
  const done: Promise<unknown> = work.catch(() => undefined).then(() => all.delete(done))
  all.add(done)
}

/** One listener for all copies of this package in the process. The first to ask sets the options. */
function listen(options: SigtermOptions): Ending {
  const { process } = shared
  if (shared[key]) return shared[key]
  const ending: Ending = { ...options, clients: new Set(), known: new WeakSet(), work: new Set() }
  shared[key] = ending
  process?.prependListener?.('SIGTERM', async function onSigterm() {
    // Another listener, which may be gone by the end of the flush, has taken the process's end over.
    const isAlone = process.listenerCount('SIGTERM') === 1
    if (!isAlone) ending.onShared?.(() => drain(ending))
    await drain(ending)
    process.removeListener('SIGTERM', onSigterm)
    // Not `process.exit()`, which on Lambda waits for the thread that waits for the next invocation.
    if (isAlone) process.kill(process.pid, 'SIGTERM')
  })
  return ending
}

async function drain({ clients, windowMs, work }: Ending): Promise<void> {
  const flushes = [...clients].map((client) => client.deref()).filter((gflux) => gflux !== undefined)
  // Also to an API that was down: no later flush will look for it. What fails is told through the logger.
  const limits = { timeoutMs: windowMs, ifDown: 'try' } as const
  await within(Promise.allSettled([...work, ...flushes.map((gflux) => gflux.flush(limits))]), windowMs)
}
