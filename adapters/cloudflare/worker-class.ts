import type { AnyEvents, EventMap, GFluxNode } from '../../src/index.ts'
import { AwaitedLifetime } from './awaited-lifetime.ts'
import { type ClientSource, clientOf } from './client-source.ts'
import { type DurableInstance, openDurableQueue } from './durable-queue.ts'
import { bindToInvocation, invoke } from './invocation.ts'
import type { CloudflareOptions } from './options.ts'
import type { ObjectContext, WorkerContext } from './platform.ts'
import { flushingSteps, type WorkflowStep } from './workflow-step.ts'

/** A class that the runtime makes instances of. */
// biome-ignore lint/suspicious/noExplicitAny: a class that is extended takes arguments of any type
export type WorkerClass = abstract new (...args: any[]) => object

interface Instance extends DurableInstance {
  gflux?: unknown
}

/** How what an instance tracks is delivered. */
export interface Lifetime<Events extends EventMap<Events>> {
  readonly gflux: GFluxNode<Events>
  /** What each event holds until it is settled, if anything. */
  readonly holder?: Pick<WorkerContext, 'waitUntil'> | undefined
  /** Calls a method: its result waits for what it must wait for. */
  readonly run: (call: () => unknown) => Promise<unknown>
}

/**
 * The runtime gets a proxy of each instance, whose methods flush at their end. The code of the class itself has the
 * instance as `this`, so that what it calls of its own stays as it is, synchronous where it was.
 */
export function wrapClass<Env, Events extends EventMap<Events> = AnyEvents>(
  source: ClientSource<Env, Events>,
  workerClass: WorkerClass,
  options: CloudflareOptions<Env>,
): WorkerClass {
  const isWorkflow = isWorkflowClass(workerClass)

  /** The client is an own property, which is out of reach of RPC. */
  function instrument(instance: Instance, ctx: WorkerContext | ObjectContext, env: Env): object {
    const { gflux, holder, run } = openLifetime(clientOf(source, env), ctx, instance)
    const bind = (event?: unknown): void => {
      const own = bindToInvocation(gflux, holder, () => options.context?.(event, env))
      Reflect.set(instance, 'gflux', own) // not where the class has frozen it
    }

    bind()
    return new Proxy(instance, {
      get(_, name) {
        const value: unknown = Reflect.get(instance, name, instance) // `this` with its private fields
        // A stub, or a binding, is called like a function, but is none.
        if (!(value instanceof Function) || typeof name === 'symbol') return value
        return (...args: unknown[]) => {
          if (name === 'fetch' && holder === ctx) bind(args[0]) // each invocation has an instance of its own
          if (name === 'run' && isWorkflow) args[1] = flushingSteps(args[1] as WorkflowStep, run)
          return run(() => value.apply(instance, args))
        }
      },
    })
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
    constructor(...args: any[]) {
      super(...args)
      // biome-ignore lint/correctness/noConstructorReturn: the runtime takes what a constructor returns
      return instrument(this, args[0], args[1])
    }
  }
  return Object.defineProperty(wrapped, 'name', { value: workerClass.name, configurable: true })
}

/** The runtime's own names are never minified. */
function isWorkflowClass(workerClass: WorkerClass): boolean {
  let base = workerClass
  while (base && base.name !== 'WorkflowEntrypoint') base = Object.getPrototypeOf(base)
  return !!base
}
