import { type Delivery, deliveryOf } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { within } from '../shared/within.ts'
import { own, unknownOwner } from './coverage.ts'
import { type Call, currentInvocation, openCall } from './current-invocation.ts'
import { hasLifetime, hold, holdFor } from './lifetime.ts'
import { budgetMs, resolveOptions } from './options.ts'
import { isServerless } from './platform.ts'
import { holdShutdown } from './shutdown.ts'

/**
 * A client's `waitUntil`: what each `track()` starts is held by the lifetime of the request that it was called in, until
 * its deadline, so that what is tracked late is delivered too, in a streamed body or in your own work after the response.
 * Never throws.
 *
 * @example
 * ```ts
 * const gflux = initGFluxNode({ token: process.env.GFLUX_SERVER_TOKEN!, waitUntil: vercelWaitUntil })
 * ```
 */
export function vercelWaitUntil(promise: Promise<unknown>): void {
  holdUntilDeadline(promise, hold)
}

/**
 * Each event of the client is held by the lifetime of its request, except what a running handler tracks: the flush at its
 * end takes that.
 */
export function lifetimeOfEvents(gflux: Flushable, delivery: Delivery): NonNullable<Delivery['lifetime']> {
  const waitUntil = (promise: Promise<unknown>): void => {
    const isHeld = holdUntilDeadline(promise, (work, call) => holdFor(gflux, work, call))
    if (!isHeld) throw new Error('Nothing keeps this request running')
  }
  return (event) => {
    const invocation = currentInvocation()
    const isFlushed = invocation?.isRunning && deliveryOf(invocation.gflux) === delivery
    // Such as in a listener of a Node request, or beside all handlers.
    const isLost = !invocation && delivery.invocations > 0 && !hasLifetime()
    if (!event || (!isFlushed && !isLost)) return waitUntil
    own(event, isFlushed ? invocation.owner : unknownOwner)
    // A handler may never end: a process of its own sends in the background too.
    return isFlushed || isServerless() ? undefined : waitUntil
  }
}

function holdUntilDeadline(
  promise: Promise<unknown>,
  holdWork: (work: Promise<unknown>, call: Call) => unknown,
): boolean {
  const call = currentInvocation() ?? openCall(resolveOptions())
  const work = within(promise, budgetMs(call, true), true)
  if (holdWork(work, call)) return true
  holdShutdown(work)
  return false
}
