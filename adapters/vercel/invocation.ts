import { type Flushable, flushAfter, type WaitUntil } from '../../src/index.ts'
import { holdFor } from './lifetime.ts'
import { delayEnd, responseOf, untilEnded } from './node-response.ts'
import { budgetMs, deadlineOf, type Limits } from './options.ts'

/** What all invocations of a wrapped handler share. */
export interface Wrapping {
  readonly gflux: Flushable
  readonly limits: Limits
  readonly waitUntil: WaitUntil | undefined
}

/** Runs a handler, and flushes when it has settled: after its response where a lifetime allows it, else before. */
export function invoke(wrapping: Wrapping, args: readonly unknown[], run: () => unknown): unknown {
  const { gflux, limits } = wrapping
  const deadline = deadlineOf(limits)
  let isHeld = false
  const timeoutMs = (): number => budgetMs(limits, deadline, isHeld)
  const waitUntil = (work: Promise<unknown>): void => {
    isHeld = holdFor(gflux, work, { waitUntil: wrapping.waitUntil, args })
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
  const result = attempt(run)
  if (!response || !isHeld) {
    settle(result)
    return flushed
  }
  settle(untilEnded(result, response))
  flushed.catch(() => undefined) // the handler's own error, which the platform gets from `result`
  return result
}

function attempt(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return Promise.reject(error)
  }
}
