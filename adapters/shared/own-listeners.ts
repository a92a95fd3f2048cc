const key = Symbol.for('@getfluxly/node/own-listeners')

/**
 * The signal listeners of this package's adapters, in every copy of it. Each ends the process when its work is done,
 * unless a listener of somebody else has taken the end over: so none of them counts for another.
 */
export function ownListeners(): WeakSet<object> {
  const holder = globalThis as { [key]?: WeakSet<object> }
  holder[key] ??= new WeakSet()
  return holder[key]
}

interface SignalExit {
  /** Of its listeners for each signal. */
  readonly count: number
}

const signalExit4: unique symbol = Symbol.for('signal-exit emitter')

/** What is used of Node's `globalThis`. */
interface Listened {
  readonly process: { listeners(signal: string): object[]; readonly __signal_exit_emitter__?: SignalExit }
  readonly [signalExit4]?: SignalExit
}

/**
 * How many may take the process's end over? Not the listeners of signal-exit, which many packages bring along: they wait
 * to be alone as ours do, and each would wait for the other.
 * https://github.com/tapjs/signal-exit/blob/v4.1.0/src/index.ts
 */
export function countOthers(signal: string): number {
  const { process, [signalExit4]: version4 } = globalThis as unknown as Listened
  const others = process.listeners(signal).filter((each) => !ownListeners().has(each))
  return Math.max(0, others.length - (version4?.count ?? 0) - (process.__signal_exit_emitter__?.count ?? 0))
}
