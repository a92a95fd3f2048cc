import { assertClient, assertFunction, expect } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { adopt } from './adopt.ts'
import { invoke, type Wrapping } from './invocation.ts'
import { resolveOptions, type VercelOptions } from './options.ts'
import { isBuilding } from './platform.ts'

// biome-ignore lint/suspicious/noExplicitAny: only `any` lets every handler through and leaves an inline one's parameters usable
type HandlerFunction = (...args: any[]) => unknown

const methods = ['fetch', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH'] as const
const shapes = 'a function, or an object with `fetch` or functions named by HTTP methods'
type Method = Exclude<(typeof methods)[number], 'fetch'>

/**
 * A web handler `(request, context)`, a Node handler `(req, res)`, a middleware `(request, event)`, a server action or a
 * page of Next's; an object with `fetch`, or with functions named by HTTP methods.
 */
export type VercelHandler =
  | HandlerFunction
  | { readonly fetch: HandlerFunction }
  | { readonly [Name in Method]?: HandlerFunction }

/**
 * Wraps a handler for Vercel or Next.js: what it tracked is delivered after the response where something keeps the
 * invocation running for that, and before it elsewhere. The handler keeps its type, arity, `this`, properties, result
 * and error, those that Next's `redirect()` and `notFound()` throw included.
 *
 * @throws {GFluxNodeError} `validation_error`, naming the option.
 *
 * @example
 * ```ts
 * const gflux = initGFluxVercel({ token: process.env.GFLUX_SERVER_TOKEN! })
 * export const POST = withGFlux(gflux, async (request: Request) => {
 *   gflux.track('order_placed', { userId: await userIdOf(request) })
 *   return Response.json({ ok: true })
 * })
 * ```
 */
export function withGFlux<Handler extends VercelHandler>(
  gflux: Flushable,
  handler: Handler,
  options?: VercelOptions,
): Handler {
  assertClient(gflux)
  const wrapping = { gflux, options: resolveOptions(options) }
  adopt(gflux)
  const wrap = typeof handler === 'function' ? wrapFunction : wrapObject
  return wrap(wrapping, handler as never) as Handler
}

function wrapFunction(
  wrapping: Wrapping,
  handler: HandlerFunction,
  thisOf: (self: unknown) => unknown = (self) => self,
): HandlerFunction {
  /** What React knows an exported server action by: the wrapper and the handler may both be exported. */
  const ids: object = Object.create(handler)
  const isId = (name: string | symbol): boolean => typeof name === 'string' && name.startsWith('$$')
  return new Proxy(handler, {
    apply(target, self, args) {
      const run = (): unknown => Reflect.apply(target, thisOf(self), args)
      return isBuilding() ? run() : invoke(wrapping, args, run)
    },
    // What the wrapper shows as fixed has to be so in the handler too.
    defineProperty: (target, name, descriptor) =>
      Reflect.defineProperty(isId(name) && descriptor.configurable ? ids : target, name, descriptor),
    get: (target, name, self) => Reflect.get(isId(name) ? ids : target, name, self),
  })
}

/** Names alone: what an object holds may be anything. */
function namesIn(handler: unknown): string | undefined {
  const names = typeof handler === 'object' ? Object.keys(Object(handler)) : []
  return names.length ? `an object with ${names.map((name) => `\`${name}\``).join(', ')}` : undefined
}

/** Reads and runs on the original, which may have private fields. */
function wrapObject(wrapping: Wrapping, handler: object): object {
  const functions: Partial<Record<string, unknown>> = Object(handler)
  const names = methods.filter((name) => functions[name] !== undefined)
  expect(names.length, 'handler', shapes, handler, namesIn(handler))
  const thisOf = (self: unknown): unknown => (self === proxy ? handler : self)
  const wrapped = new Map<unknown, unknown>()
  for (const name of names) {
    assertFunction(`handler.${name}`, functions[name])
    wrapped.set(name, wrapFunction(wrapping, functions[name] as HandlerFunction, thisOf))
  }
  const runOn = (target: HandlerFunction, self: unknown, args: unknown[]): unknown => {
    const result = Reflect.apply(target, thisOf(self), args)
    return result === handler ? proxy : result
  }
  // What a fixed property shows may be nothing else, as in a frozen object: a copy can show the wrapped functions.
  const isFixed = names.some((name) => Object.getOwnPropertyDescriptor(handler, name)?.configurable === false)
  const target = isFixed ? Object.assign(Object.create(Object.getPrototypeOf(handler)), handler) : handler
  if (isFixed)
    for (const name of names) Object.defineProperty(target, name, { configurable: true, enumerable: true })
  const proxy: object = new Proxy(target, {
    get(_target, name) {
      if (wrapped.has(name)) return wrapped.get(name)
      const value = Reflect.get(handler, name)
      const isMethod = typeof value === 'function' && name !== 'constructor' && !Object.hasOwn(handler, name)
      return isMethod ? new Proxy(value, { apply: runOn }) : value
    },
    set: (_target, name, value) => Reflect.set(handler, name, value),
  })
  return proxy
}
