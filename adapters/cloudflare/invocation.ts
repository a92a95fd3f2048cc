import { beginInvocation, type Delivery, deliveryOf, orphansIn, register } from '../../src/adapter.ts'
import { type EventContext, type EventMap, flushAfter, type GFluxNode } from '../../src/index.ts'
import type { CloudflareOptions } from './options.ts'
import type { WorkerContext } from './platform.ts'

/** What a flush may take that a result waits for. */
export const awaitedFlushMs = 5000

/** What an event holds until it is settled. */
export interface Holder extends Partial<Pick<WorkerContext, 'waitUntil'>> {
  /** May nothing be waited for now? */
  readonly isCritical?: (() => boolean) | undefined
}

/** The client of one invocation: each event that it tracks, however late, holds the invocation until it is settled. */
export function bindToInvocation<Events extends EventMap<Events>>(
  gflux: GFluxNode<Events>,
  holder: Holder | undefined,
  context: () => EventContext | undefined,
): GFluxNode<Events> {
  const waitUntil = lifetimeOf(holder)
  try {
    return asView(gflux.with({ waitUntil, context: context() }), holder?.isCritical)
  } catch (cause) {
    deliveryOf(gflux)?.log.warn('`context` failed', { cause })
    return asView(gflux.with({ waitUntil }), holder?.isCritical)
  }
}

/**
 * Its `shutdown()` only flushes: other invocations go on with the same queue. Within a critical section its `track()`
 * waits for no room in it.
 */
function asView<Events extends EventMap<Events>>(
  client: GFluxNode<Events>,
  isCritical: Holder['isCritical'],
): GFluxNode<Events> {
  const { identify, track, with: bind } = client
  client.shutdown = (options) => client.flush(options)
  client.with = (binding) => asView(bind(binding), isCritical)
  if (!isCritical) return client
  const unlessCritical = (call: ReturnType<typeof track>): ReturnType<typeof track> => {
    if (!isCritical()) return call
    const taken = Promise.race([call, null]) // the call comes first: what is refused has rejected by now
    taken.catch(() => undefined)
    return taken
  }
  client.identify = (input) => unlessCritical(identify(input))
  client.track = (name, ...input) => unlessCritical(track(name, ...input))
  return client
}

/**
 * Runs a handler and passes on what it came to. What is queued then and nobody sees to, such as an earlier invocation's
 * events, is flushed after the result. The flush begins at the end, so that an invocation whose caller has gone ends as
 * it would without us. It waits for no API that is down: many invocations would, each with all that is queued. Without a
 * `ctx` that takes it, as in a test or on another runtime, it comes before the result.
 */
export function invoke<Result, Events extends EventMap<Events>>(
  gflux: GFluxNode<Events>,
  handled: () => Result | PromiseLike<Result>,
  ctx: Partial<WorkerContext> | undefined,
  { timeoutMs }: Pick<CloudflareOptions, 'timeoutMs'>,
): Promise<Result> {
  const waitUntil = lifetimeOf(ctx)
  if (!waitUntil) return flushAfter(gflux, handled, { timeoutMs: timeoutMs ?? awaitedFlushMs })
  return runInvocation(gflux, handled, (delivery) => {
    if (!orphansIn(delivery)[0]) return undefined
    const flushed = flushAfter(gflux, undefined, { timeoutMs })
    return register(waitUntil, flushed) || flushed
  })
}

/** Runs a handler, during which no `track()` waits for the API, then what ends it. */
export async function runInvocation<Result>(
  gflux: object,
  handled: () => Result | PromiseLike<Result>,
  end: (delivery: Delivery) => unknown,
): Promise<Result> {
  const endInvocation = beginInvocation(gflux)
  try {
    return await handled()
  } finally {
    endInvocation()
    await end(deliveryOf(gflux) as Delivery)
  }
}

/** Called as a method of `ctx`: anything else is an Illegal invocation. */
function lifetimeOf(ctx: Holder | undefined): WorkerContext['waitUntil'] | undefined {
  return ctx?.waitUntil && ((promise) => ctx.waitUntil?.(promise))
}
