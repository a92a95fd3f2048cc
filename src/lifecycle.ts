import type { WaitUntil } from './config.ts'
import { type Delivery, deliveryOf } from './delivery.ts'
import type { IfDown } from './flush.ts'
import type { FlushResult } from './flush-result.ts'
import { closedMs, probeMs, resetGuard, silenceMs, tripGuard } from './guard.ts'
import { expectNumber } from './validation.ts'
import { firstOf } from './wait.ts'

/** What {@link flushAfter} needs of a client. */
export interface Flushable {
  flush(options: { timeoutMs?: number | undefined; ifDown: IfDown }): Promise<FlushResult>
}

/** How an invocation ends for {@link flushAfter}. */
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
 * promise) settles. The flush never throws and keeps to its budget; while the API is down it costs at most a short probe.
 *
 * @param handled What the handler comes to, or a function, which is called: then what the handler throws at once is
 *   passed on too.
 *
 * @example
 * ```ts
 * export default async function handler(request: Request, context: { waitUntil(promise: Promise<unknown>): void }) {
 *   return await flushAfter(gflux, () => respond(request), { waitUntil: (promise) => context.waitUntil(promise) })
 * }
 * ```
 */
export async function flushAfter<Result>(
  gflux: Flushable,
  handled: Result | PromiseLike<Result> | (() => Result | PromiseLike<Result>),
  options: FlushAfterOptions = {},
): Promise<Result> {
  const { waitUntil } = options
  const endInvocation = beginInvocation(gflux)
  const settleCalls = watchCalls(gflux)
  const result = new Promise<Result>((resolve) => {
    resolve(typeof handled === 'function' ? (handled as () => Result)() : handled)
  })
  const flush = async (): Promise<void> => {
    endInvocation()
    const timeoutMs = budgetMs(gflux, options)
    const called = settleCalls(timeoutMs)
    await gflux.flush({ timeoutMs, ifDown: isHeld ? 'wait' : 'skip' }).catch(() => undefined)
    await called
  }
  // What fails is reported through the logger and onDrop; what can be sent is still queued.
  const flushed = result.then(flush, flush).catch(() => undefined)
  const isHeld = register(waitUntil, flushed)
  if (!isHeld) await flushed
  return await result
}

/** At the handler's end. What is no number is the caller's mistake, which must cost no event. */
function budgetMs(gflux: unknown, { timeoutMs = defaultTimeoutMs }: FlushAfterOptions): number {
  try {
    const ms = typeof timeoutMs === 'function' ? timeoutMs() : timeoutMs
    expectNumber(Number.isFinite(ms), 'timeoutMs', 'a finite number', ms)
    return Math.max(0, ms)
  } catch (cause) {
    deliveryOf(gflux)?.log.warn('`timeoutMs` failed', { cause })
    return defaultTimeoutMs
  }
}

/** Nobody may be waiting for a call: the invocation is held until it is answered, or waits for it at its end. */
export function holdCall(
  { calls, lifetime }: Delivery,
  answer: Promise<unknown>,
  waitUntil: WaitUntil | undefined = lifetime?.(),
): Promise<unknown> {
  const isAnswered = answer.then(
    () => true,
    (error) => !error.retryable,
  )
  const settled = isAnswered.finally(() => calls.delete(settled))
  if (!register(waitUntil, settled)) calls.add(settled)
  return answer
}

/**
 * Returns what waits for the calls from now on that no lifetime holds, in an outage now and then, and no longer than a
 * probe. Never rejects. Those of an earlier invocation are left alone: they may never end.
 */
export function watchCalls(gflux: unknown): (ms: number) => Promise<void> {
  const delivery = deliveryOf(gflux)
  const earlier = new Set(delivery?.calls)
  return async (ms) => {
    const calls = [...(delivery?.calls ?? [])].filter((call) => !earlier.has(call))
    if (!delivery || !calls[0]) return
    const { callGuard, guard, ports } = delivery
    const beganAt = delivery.now()
    const isDown = guard.failures > 1 && guard.retryAt > beganAt // a pause is for events alone
    if (isDown || closedMs(callGuard, beganAt) > 0) return
    const answers = await firstOf(
      ports,
      [Promise.all(calls)],
      Math.min(ms, probeMs(guard), probeMs(callGuard)),
    )
    const now = delivery.now()
    if (answers?.every(Boolean)) resetGuard(callGuard, 0)
    else if (callGuard.failures || now - beganAt > silenceMs) tripGuard(callGuard, now, beganAt)
  }
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
