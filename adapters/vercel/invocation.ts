import { type Flushable, flushAfter } from '../../src/index.ts'
import { isThenable } from '../shared/thenable.ts'
import { type Invocation, openCall, runWithin } from './current-invocation.ts'
import { holdFor } from './lifetime.ts'
import { delayEnd, responseOf } from './node-response.ts'
import { budgetMs, type ResolvedOptions } from './options.ts'

/** What all invocations of a wrapped handler share. */
export interface Wrapping {
  readonly gflux: Flushable
  readonly options: ResolvedOptions
}

/** Runs a handler, and flushes when it has settled: after its response where a lifetime allows it, else before. */
export function invoke({ gflux, options }: Wrapping, args: readonly unknown[], run: () => unknown): unknown {
  const invocation: Invocation = { ...openCall(options, args), gflux, isRunning: true }
  let isHeld = false
  const timeoutMs = (): number => {
    invocation.isRunning = false
    return budgetMs(invocation, isHeld)
  }
  const waitUntil = (work: Promise<unknown>): void => {
    isHeld = holdFor(gflux, work, invocation)
    if (!isHeld) throw new Error('Nothing keeps this invocation running')
  }
  let settle!: (result: unknown) => void
  const handled = new Promise<unknown>((resolve) => {
    settle = resolve
  })
  // Before the handler runs: its response may be out at the end of its first turn.
  const flushed = flushAfter(gflux, handled, { waitUntil, timeoutMs })
  const response = responseOf(args)
  if (response && !isHeld) delayEnd(response, () => flushAfter(gflux, undefined, { timeoutMs }))
  try {
    const result = runWithin(invocation, run)
    settle(result)
    // A lazy one starts its work each time that it is asked: `flushed` has asked it.
    return isHeld && !isThenable(result) ? result : flushed
  } catch (error) {
    settle(Promise.reject(error))
    if (!isHeld) return flushed
    flushed.catch(() => undefined) // the platform gets the error from here
    throw error
  }
}
