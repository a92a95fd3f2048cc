import type { AnyEvents, EventMap, GFluxNode } from '../../src/index.ts'
import { AwaitedLifetime } from './awaited-lifetime.ts'
import { type ClientSource, clientOf } from './client-source.ts'
import { type DurableInstance, openDurableQueue } from './durable-queue.ts'
import { bindToInvocation, type Holder, invoke } from './invocation.ts'
import type { CloudflareOptions } from './options.ts'
import type { ObjectContext, WorkerContext } from './platform.ts'
import { flushingSteps, type WorkflowStep } from './workflow-step.ts'

/** A class that the runtime makes instances of. */
// biome-ignore lint/suspicious/noExplicitAny: a class that is extended takes arguments of any type
export type WorkerClass = abstract new (...args: any[]) => object

interface Instance extends DurableInstance {
  gflux?: unknown
}

/** What calls a method of an instance, and flushes at its end. */
type Flushing = (name: string, method: CallableFunction) => (...args: unknown[]) => Promise<unknown>

/** How what an instance tracks is delivered. */
export interface Lifetime<Events extends EventMap<Events>> {
  readonly gflux: GFluxNode<Events>
  /** What each event holds until it is settled, if anything. */
  readonly holder?: Holder | undefined
  /** Calls a method: its result waits for what it must wait for. */
  readonly run: (call: () => unknown) => Promise<unknown>
}

/**
 * The runtime gets a view of each instance, whose methods flush at their end. The code of the class itself has the
 * instance as `this`, as it is without us, so that what it calls of its own stays synchronous where it was.
 *
 * A class that extends the wrapped one has private fields on what it gets of that, so that its code and the runtime see
 * the same: there nothing but `fetch`, or a Workflow's `run`, flushes at its end. What else it tracks holds its lifetime.
 */
export function wrapClass<Env, Events extends EventMap<Events> = AnyEvents>(
  source: ClientSource<Env, Events>,
  workerClass: WorkerClass,
  options: CloudflareOptions<Env>,
): WorkerClass {
  const isWorkflow = isWorkflowClass(workerClass)
  const views = new WeakSet<object>()

  /** The client is an own property, which is out of reach of RPC. Returns what makes a method flush at its end. */
  function instrument(instance: Instance, ctx: WorkerContext | ObjectContext, env: Env): Flushing {
    const { gflux, holder, run } = openLifetime(clientOf(source, env), ctx, instance)
    const bind = (event?: unknown): void => {
      const own = bindToInvocation(gflux, holder, () => options.context?.(event, env))
      Reflect.set(instance, 'gflux', own) // not where the class has frozen it
    }

    bind()
    return (name, method) =>
      (...args) => {
        if (name === 'fetch' && holder === ctx) bind(args[0]) // each invocation has an instance of its own
        if (name === 'run' && isWorkflow) args[1] = flushingSteps(args[1] as WorkflowStep, run)
        return run(() => Reflect.apply(method, instance, args))
      }
  }

  function viewOf(instance: object, flushing: Flushing): object {
    const view = new Proxy(instance, {
      get(_, name) {
        const value: unknown = Reflect.get(instance, name, instance) // `this` with its private fields
        // A stub, or a binding, is called like a function, but is none.
        const isMethod = value instanceof Function && typeof name !== 'symbol' && name !== 'constructor'
        return isMethod && !isFixed(instance, name) ? flushing(name, value) : value
      },
      set: (_, name, value) => Reflect.set(instance, name, value),
      getPrototypeOf: () =>
        Object.isExtensible(instance) ? wrapped.prototype : Reflect.getPrototypeOf(instance), // as a frozen one must
    })
    views.add(view)
    return view
  }

  /** What the instance's invocations flush by: the object's storage, before their results, or behind `waitUntil`. */
  function openLifetime(
    gflux: GFluxNode<Events>,
    ctx: WorkerContext | ObjectContext,
    instance: Instance,
  ): Lifetime<Events> {
    const isObject = 'storage' in ctx // that of a Durable Object class, which alone has storage
    if (isObject && options.durableQueue) return openDurableQueue(gflux, ctx, instance)
    if (!isObject && !isWorkflow)
      return { gflux, holder: ctx, run: (call) => invoke(gflux, call, ctx, options) }
    const holder = new AwaitedLifetime(ctx)
    return { gflux, holder, run: (call) => holder.invoke(gflux, call, options) }
  }

  const wrapped = class extends workerClass {
    // biome-ignore lint/suspicious/noExplicitAny: see WorkerClass
    // biome-ignore lint/correctness/noUnreachableSuper: a view has an instance of the class itself
    constructor(...args: any[]) {
      const [ctx, env] = [Object(args[0]), args[1]]
      if (new.target.prototype === wrapped.prototype) {
        const instance = Reflect.construct(workerClass, args)
        // biome-ignore lint/correctness/noConstructorReturn: the runtime takes what a constructor returns
        return viewOf(instance, instrument(instance, ctx, env))
      }
      super(...args)
      const flushing = instrument(this, ctx, env)
      const name = isWorkflow ? 'run' : 'fetch'
      const method: unknown = Reflect.get(this, name)
      if (!(method instanceof Function)) return
      const handlers = { [name]: flushing(name, method) } // not its own property: a Workflow's `run` comes over RPC
      Reflect.setPrototypeOf(this, Object.assign(Object.create(Object.getPrototypeOf(this)), handlers))
    }
  }
  // Tools such as Cloudflare's Vite plugin read a method of the prototype on behalf of a view.
  const prototype = new Proxy(Object.create(workerClass.prototype), {
    get: (target, name, reader) => Reflect.get(views.has(reader) ? reader : target, name, reader),
  })
  Object.setPrototypeOf(wrapped.prototype, prototype)
  return Object.defineProperty(wrapped, 'name', { value: workerClass.name, configurable: true })
}

/** A proxy must show such a property as it is. */
function isFixed(instance: object, name: string): boolean {
  const { configurable, writable } = Reflect.getOwnPropertyDescriptor(instance, name) ?? {}
  return configurable === false && writable === false
}

/** The runtime's own names are never minified. */
function isWorkflowClass(workerClass: WorkerClass): boolean {
  let base = workerClass
  while (base && base.name !== 'WorkflowEntrypoint') base = Object.getPrototypeOf(base)
  return !!base
}
