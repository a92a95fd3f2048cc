import type { WaitUntil } from './config.ts'
import { deliveryOf } from './delivery.ts'
import type { IfDown } from './flush.ts'
import type { FlushResult } from './flush-result.ts'

/** What {@link flushAfter} needs of a client. */
export interface Flushable {
  flush(options: { timeoutMs?: number | undefined; ifDown: IfDown }): Promise<FlushResult>
}

export interface FlushAfterOptions {
  /** The platform's lifetime of this invocation. Without one the flush is awaited before the result is given. */
  waitUntil?: WaitUntil | undefined
  /**
   * What the flush may take, in milliseconds, or a function that tells at the handler's end, such as Lambda's remaining
   * time less a margin. @default 30000
   */
  timeoutMs?: number | (() => number) | undefined
}

const defaultTimeoutMs = 30_000

/**
 * How a handler's end becomes a flush, on any platform: the handler's result or error is passed on untouched, and what
 * it tracked is delivered, refused and reported, or still queued when the lifetime (or, without one, the returned
 * promise) settles. The flush never throws and keeps to its budget; while the API is down it costs nothing.
 *
 * @example
 * ```ts
 * export default async function handler(request: Request, context: { waitUntil(promise: Promise<unknown>): void }) {
 *   return await flushAfter(gflux, respond(request), { waitUntil: (promise) => context.waitUntil(promise) })
 * }
 * ```
 */
export async function flushAfter<Result>(
  gflux: Flushable,
  handled: Result | PromiseLike<Result>,
  options: FlushAfterOptions = {},
): Promise<Result> {
  const { waitUntil, timeoutMs = defaultTimeoutMs } = options
  const result = Promise.resolve(handled)
  const endInvocation = beginInvocation(gflux)
  const flush = (): Promise<FlushResult> => {
    endInvocation()
    const budgetMs = typeof timeoutMs === 'function' ? timeoutMs() : timeoutMs
    return gflux.flush({ timeoutMs: Math.max(0, budgetMs), ifDown: isHeld ? 'wait' : 'skip' })
  }
  // What fails is reported through the logger and onDrop; what can be sent is still queued.
  const flushed = result.then(flush, flush).catch(() => undefined)
  const isHeld = register(waitUntil, flushed)
  if (!isHeld) await flushed
  return await result
}

/** An invocation begins whose end flushes: meanwhile no `track()` waits for the API. Returns what says that it is over. */
export function beginInvocation(gflux: unknown): () => void {
  let delivery = deliveryOf(gflux)
  if (delivery) delivery.invocations++
  return () => {
    if (delivery) delivery.invocations--
    delivery = undefined
  }
}

/** Hands work to a lifetime, if there is one that takes it. */
export function register(waitUntil: WaitUntil | undefined, work: Promise<unknown>): boolean {
  if (!waitUntil) return false
  try {
    // What it may reject with is the platform's own affair.
    Promise.resolve(waitUntil(work)).catch(() => undefined)
    return true
  } catch {
    return false // outside a request: then the work has to be awaited
  }
}
