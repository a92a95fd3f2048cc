import { type Flushable, flushAfter } from '../../src/index.ts'
import { isThenable } from '../shared/thenable.ts'
import { coveringClient } from './coverage.ts'
import { type Invocation, openCall, runWithin } from './current-invocation.ts'
import { delayEnd } from './delayed-end.ts'
import { holdFor } from './lifetime.ts'
import { isEnded, responseOf, whenEnded } from './node-response.ts'
import { budgetMs, type ResolvedOptions, responseMs } from './options.ts'

/** What all invocations of a wrapped handler share. */
export interface Wrapping {
  readonly gflux: Flushable
  readonly options: ResolvedOptions
}

/**
 * Runs a handler, and flushes when it has settled and a Node response has ended: after its response where a lifetime
 * allows it, else before.
 */
export function invoke({ gflux, options }: Wrapping, args: readonly unknown[], run: () => unknown): unknown {
  const invocation: Invocation = {
    ...openCall(options, args),
    gflux,
    isRunning: true,
    owner: { isOver: false },
  }
  const client = coveringClient(invocation)
  const response = responseOf(args)
  let isHeld = false
  const timeoutMs = (): number => budgetMs(invocation, isHeld)
  const waitUntil = (work: Promise<unknown>): void => {
    isHeld = holdFor(gflux, work, invocation)
    if (!isHeld) throw new Error('Nothing keeps this invocation running')
  }
  let settle!: (result: unknown) => void
  const handled = new Promise<unknown>((resolve) => {
    settle = resolve
  })
  const over = handled
    .then(() => response && whenEnded(response, responseMs(invocation)))
    .finally(() => {
      invocation.isRunning = false
    })
  // Before the handler runs: its response may be out at the end of its first turn.
  const flushed = flushAfter(client, over, { waitUntil, timeoutMs })
  flushed.catch(() => undefined) // the platform gets the error from what is returned
  const flush = (): Promise<unknown> => flushAfter(client, undefined, { timeoutMs })
  if (response && !isHeld) delayEnd(response, flush)
  let result: unknown
  try {
    result = runWithin(invocation, run)
    settle(result)
  } catch (error) {
    settle(Promise.reject(error))
    if (isHeld) throw error
  }
  // A lazy thenable starts its work at each `then()`, which `handled` has called.
  if (isHeld) return isThenable(result) ? handled : result
  // A response that goes on may wait for what is returned here.
  const passOn = () => (!response || isEnded(response) ? flushed : flush()).then(() => handled)
  return handled.then(passOn, passOn)
}
