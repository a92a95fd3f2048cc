import type { AnyEvents, EventMap, GFluxNode } from '../../src/index.ts'
import { type ClientSource, clientOf } from './client-source.ts'
import { bindClient, flushAtEnd } from './invocation.ts'
import type { CloudflareOptions } from './options.ts'
import type { AlarmInfo, ObjectContext, WorkerContext } from './platform.ts'
import { flushingSteps, type WorkflowStep } from './workflow-step.ts'

/** A class that the runtime makes instances of. */
// biome-ignore lint/suspicious/noExplicitAny: a class that is extended takes arguments of any type
export type WorkerClass = new (...args: any[]) => object

type Method = (...args: unknown[]) => unknown

/**
 * The runtime gets a proxy of each instance, whose methods flush at their end. The code of the class itself has the
 * instance as `this`, so that what it calls of its own stays as it is, synchronous where it was.
 */
export function wrapClass<Env, Events extends EventMap<Events> = AnyEvents>(
  source: ClientSource<Env, Events>,
  workerClass: WorkerClass,
  options: CloudflareOptions<Env>,
): WorkerClass {
  const isWorkflow = baseNames(workerClass).includes('WorkflowEntrypoint')

  function instrument(instance: object, ctx: WorkerContext | ObjectContext, env: Env): object {
    const isAwaited = isWorkflow || isObject(ctx)
    const client = clientOf(source, env)
    const { timeoutMs } = options
    const queue = isObject(ctx) ? options.durableQueue?.(client, ctx) : undefined
    const gflux = queue?.gflux ?? client
    const flushing = (call: () => unknown): Promise<unknown> =>
      flushAtEnd(gflux, call, { ctx: isAwaited ? undefined : ctx, timeoutMs })
    const bind = (event?: unknown): void =>
      setClient(instance, bindClient(gflux, { event, env, ctx }, options))

    bind()
    return new Proxy(instance, {
      get(_, name) {
        const value: unknown = Reflect.get(instance, name, instance) // `this` with its private fields
        if (name === 'alarm' && queue) {
          return (info: AlarmInfo) =>
            queue.alarm(info, () => flushing(() => value && Reflect.apply(value as Method, instance, [info])))
        }
        if (typeof value !== 'function' || typeof name === 'symbol' || name === 'constructor') return value
        return (...args: unknown[]) => {
          if (name === 'fetch' && !isAwaited) bind(args[0]) // each invocation has an instance of its own
          if (name === 'run' && isWorkflow) args[1] = flushingSteps(args[1] as WorkflowStep, flushing)
          return flushing(() => Reflect.apply(value as Method, instance, args))
        }
      },
    })
  }

  return class extends workerClass {
    // biome-ignore lint/suspicious/noExplicitAny: see WorkerClass
    constructor(...args: any[]) {
      super(...args)
      // biome-ignore lint/correctness/noConstructorReturn: the runtime takes what a constructor returns
      return instrument(this, args[0], args[1])
    }
  }
}

/** Only an object of a Durable Object class has storage. */
function isObject(ctx: WorkerContext | ObjectContext): ctx is ObjectContext {
  return 'storage' in ctx
}

/** An own property, which is out of reach of RPC. */
function setClient(instance: object, value: GFluxNode<never>): void {
  Object.defineProperty(instance, 'gflux', { value, configurable: true, writable: true })
}

/** The names of a class and those it extends. The runtime's own are never minified. */
function baseNames(workerClass: WorkerClass): string[] {
  const names: string[] = []
  for (
    let base = workerClass;
    base?.name !== undefined && base !== Function.prototype;
    base = Object.getPrototypeOf(base)
  )
    names.push(base.name)
  return names
}
