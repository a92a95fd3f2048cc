import { assertAmount, deliveryOf, expect } from '../../src/adapter.ts'
import type { AnyEvents, EventMap } from '../../src/index.ts'
import { type ClientSource, clientOf } from './client-source.ts'
import { handlerNames, type WorkerHandlers, type WrappedHandlers } from './handlers.ts'
import { bindToInvocation, invoke } from './invocation.ts'
import type { CloudflareOptions } from './options.ts'
import type { WorkerContext } from './platform.ts'
import { type WorkerClass, wrapClass } from './worker-class.ts'

/**
 * Wraps the handlers of a Worker, or a class of one: what an invocation tracks, its `waitUntil` work and its streaming
 * body included, is delivered though the response has long been sent. Handlers get the invocation's client as their last
 * argument; classes, which may be a `WorkerEntrypoint`, a `DurableObject` or a `WorkflowEntrypoint`, as `this.gflux` from
 * the end of their constructor on.
 *
 * Results, errors and bodies are passed on untouched; a handler keeps its `this`, arity and properties, a class its name
 * and static members. In Durable Objects and Workflows, where `waitUntil` does nothing, the flush comes before the
 * result; see {@link CloudflareOptions.durableQueue}.
 *
 * @throws {GFluxNodeError} `validation_error`, naming the option.
 *
 * @example
 * ```ts
 * export default withGFlux((env: Env) => ({ token: env.GFLUX_SERVER_TOKEN }), {
 *   async fetch(request, env, ctx, gflux) {
 *     gflux.track('page_viewed', { userId: 'user_123' })
 *     return new Response('ok')
 *   },
 * })
 * ```
 *
 * @example
 * ```ts
 * class Room extends DurableObject<Env> {
 *   declare readonly gflux: GFluxNode
 *   join(userId: string) {
 *     this.gflux.track('room_joined', { userId })
 *   }
 * }
 * export const TrackedRoom = withGFlux((env: Env) => ({ token: env.GFLUX_SERVER_TOKEN }), Room)
 * ```
 */
export function withGFlux<
  Env,
  Events extends EventMap<Events> = AnyEvents,
  Handlers extends WorkerHandlers<Env, Events> = WorkerHandlers<Env, Events>,
>(
  source: ClientSource<Env, Events>,
  handlers: Handlers,
  options?: CloudflareOptions<Env>,
): WrappedHandlers<Handlers>
export function withGFlux<Env, Class extends WorkerClass, Events extends EventMap<Events> = AnyEvents>(
  source: ClientSource<Env, Events>,
  workerClass: Class,
  options?: CloudflareOptions<Env>,
): Class
export function withGFlux<Env>(
  source: ClientSource<Env>,
  target: WorkerClass | object,
  options: CloudflareOptions<Env> = {},
): unknown {
  expect(typeof source === 'function' || deliveryOf(source), 'config', 'a function or a client', source)
  expect(target === Object(target), 'handlers', 'an object of handlers, or a class', target)
  assertAmount('timeoutMs', options.timeoutMs ?? 0)
  if (typeof target === 'function') return wrapClass(source, target as WorkerClass, options)
  const wrapped: Record<string, unknown> = { ...target }
  for (const name of handlerNames) {
    const handler = (target as Record<string, unknown>)[name]
    if (typeof handler !== 'function') continue
    const wrapper = async function (this: unknown, event: unknown, env: Env, ctx: WorkerContext) {
      const gflux = bindToInvocation(clientOf(source, env), ctx, () => options.context?.(event, env))
      const handled = (): unknown => handler.call(this === wrapped ? target : this, event, env, ctx, gflux)
      return invoke(gflux, handled, ctx, options)
    }
    // The last parameter is ours: over RPC, such as that of an email, the runtime calls no function of more than three.
    const length = { value: Math.min(handler.length, 3), configurable: true }
    wrapped[name] = Object.defineProperties(wrapper, { ...Object.getOwnPropertyDescriptors(handler), length })
  }
  return wrapped
}
