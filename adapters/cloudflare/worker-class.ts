import type { AnyEvents, EventMap } from '../../src/index.ts'
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
    const isObject = 'storage' in ctx // that of a Durable Object class, which alone has storage
    const awaited = isWorkflow || isObject ? new AwaitedLifetime(ctx) : undefined
    const client = clientOf(source, env)
    const durable = isObject && options.durableQueue && openDurableQueue(client, ctx, instance)
    const gflux = durable ? durable.gflux : client
    const flushing = durable
      ? durable.storing
      : (call: () => unknown) =>
          awaited ? awaited.invoke(gflux, call, options) : invoke(gflux, call, ctx as WorkerContext, options)
    const bind = (event?: unknown): void => {
      const lifetime = durable ? undefined : (awaited ?? ctx)
      const own = bindToInvocation(gflux, lifetime, () => options.context?.(event, env))
      Reflect.set(instance, 'gflux', own) // not where the class has frozen it
    }

    bind()
    return new Proxy(instance, {
      get(_, name) {
        const value: unknown = Reflect.get(instance, name, instance) // `this` with its private fields
        // A stub, or a binding, is called like a function, but is none.
        if (!(value instanceof Function) || typeof name === 'symbol') return value
        return (...args: unknown[]) => {
          if (name === 'fetch' && !awaited) bind(args[0]) // each invocation has an instance of its own
          if (name === 'run' && isWorkflow) args[1] = flushingSteps(args[1] as WorkflowStep, flushing)
          return flushing(() => value.apply(instance, args))
        }
      },
    })
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
