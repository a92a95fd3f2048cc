export type Signal = 'SIGTERM' | 'SIGINT'

type Listener = (signal: Signal) => Promise<void>

interface SignalExit {
  /** How many listeners it has for each signal. */
  readonly count: number
}

const own: unique symbol = Symbol.for('@getfluxly/node/own-listeners')
const signalExit4: unique symbol = Symbol.for('signal-exit emitter')

/** What is used of Node's `globalThis`. */
interface SignalledGlobals {
  /** The signal listeners of this package's adapters, in every copy of it. */
  [own]?: WeakSet<object>
  readonly [signalExit4]?: SignalExit
  readonly process: {
    readonly __signal_exit_emitter__?: SignalExit
    readonly pid: number
    kill(pid: number, signal: Signal): void
    listeners(signal: Signal): object[]
    once(event: 'beforeExit', listener: () => void): void
    prependListener(signal: Signal, listener: Listener): void
    removeListener(signal: Signal, listener: Listener): void
  }
}

const globals: SignalledGlobals = globalThis as unknown as SignalledGlobals

export interface SignalWork {
  /** Begins at the signal; never rejects. */
  work(isAlone: boolean): Promise<unknown>
  /** When the work is done: does the process end by the signal, or has another listener taken its end over? */
  mayEnd?(signal: Signal, isAlone: boolean): boolean | Promise<boolean>
  /** The process ends before the work is done. */
  abandon?(): void
}

/** What the system may take to bring a signal: a turn of the event loop is too short on Deno. */
const arrivalMs = 20
const awaited = new Set<Signal>()
/** Of all listeners here: who is done first must not end the process for the others. */
const underWay = new Set<Promise<unknown>>()

/**
 * Does work at a signal, in a process of Node's. A listener takes the default action away, which is the process's end:
 * so the signal is sent again after the work, when nobody else listens. https://nodejs.org/api/process.html#signal-events
 */
export function onSignals(
  signals: readonly Signal[],
  { work, mayEnd = (_, isAlone) => isAlone, abandon }: SignalWork,
): void {
  let works = 0
  let handled: Signal | undefined // by others, some of whom send it again when they are done
  const listener = async (signal: Signal): Promise<void> => {
    const others = countOthers(signal)
    const isAlone = !others
    // A person who presses Ctrl+C again does not want to wait.
    if (works && isAlone && signal === 'SIGINT' && handled !== signal) {
      abandon?.()
      endBy(signal, listener)
      return
    }
    works++
    if (!isAlone) awaitNext(signal)
    const done = work(isAlone)
    underWay.add(done)
    await undefined // others are still to be called with this signal, and must not find themselves alone
    const left = countOthers(signal)
    // A `once` listener, gone by now, has taken the end over. One that goes later had something to do, as we have.
    const isTakenOver = left < others
    handled = left ? signal : undefined
    await done
    underWay.delete(done)
    await Promise.all(underWay)
    works--
    if (!isTakenOver && (await mayEnd(signal, isAlone))) endBy(signal, listener)
  }
  globals[own] ??= new WeakSet()
  globals[own].add(listener)
  // A `once` listener before it would be gone already, and not be counted.
  for (const signal of signals) globals.process.prependListener(signal, listener)
}

function endBy(signal: Signal, listener: Listener): void {
  const { process } = globals
  process.removeListener(signal, listener)
  // Not `process.exit()`, which on Lambda waits for the thread that waits for the next invocation.
  process.kill(process.pid, signal)
}

/**
 * Who has done with a signal may send it again and leave nothing to do: Node would end, with code 0, before it reads it.
 * https://docs.nestjs.com/fundamentals/lifecycle-events#application-shutdown
 */
function awaitNext(signal: Signal): void {
  if (awaited.has(signal)) return
  awaited.add(signal)
  globals.process.once('beforeExit', () => {
    awaited.delete(signal)
    if (!countOthers(signal)) setTimeout(() => undefined, arrivalMs)
  })
}

/**
 * How many may take the process's end over? None of ours, which wait to be alone, nor those of signal-exit, which many
 * packages bring along: they do so too, and each would wait for the other.
 * https://github.com/tapjs/signal-exit/blob/v4.1.0/src/index.ts
 */
export function countOthers(signal: Signal): number {
  const { process, [own]: ours, [signalExit4]: version4 } = globals
  const others = process.listeners(signal).filter((each) => !ours?.has(each))
  return Math.max(0, others.length - (version4?.count ?? 0) - (process.__signal_exit_emitter__?.count ?? 0))
}
