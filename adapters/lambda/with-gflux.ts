import { assertClient, expect } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { isThenable } from '../shared/thenable.ts'
import { Invocation } from './invocation.ts'
import { type LambdaOptions, resolveLimits } from './options.ts'
import { isStreaming, type LambdaCallback, type LambdaContext, type LambdaHandler } from './platform.ts'
import { asksForContext, runWith } from './running.ts'

/** What a flush may delay the end of a stream that broke off: the caller waits for its error. */
const brokenStreamFlushMs = 1000

/**
 * Wraps a Lambda handler: what it tracked is delivered before Lambda freezes the environment, within the time that is
 * left. Takes async, streaming and, up to Node 22, callback handlers, and keeps the type, arity, `this`, properties,
 * result and error of each. Put it around `middy` and `withDurableExecution`, not inside: it has to see every end. What
 * a property returns, as middy's `use()` does, is not wrapped.
 *
 * @throws {GFluxNodeError} `validation_error`, naming the option.
 *
 * @example
 * ```ts
 * const gflux = initGFluxNode({ token: process.env.GFLUX_SERVER_TOKEN! })
 * export const handler = withGFlux(gflux, async (event: { userId: string }) => {
 *   gflux.track('order_placed', { userId: event.userId })
 *   return { statusCode: 200 }
 * })
 * ```
 */
export function withGFlux<Handler extends LambdaHandler>(
  gflux: Flushable,
  handler: Handler,
  options?: LambdaOptions,
): Handler {
  assertClient(gflux)
  expect(typeof handler === 'function', 'handler', 'a function', handler)
  const limits = resolveLimits(options)
  const isScoped = asksForContext(gflux)

  function apply(target: Handler, self: unknown, args: unknown[]): unknown {
    const isStream = isStreaming(target)
    const context = args[isStream ? 2 : 1] as LambdaContext | undefined
    const invocation = new Invocation(gflux, context, limits)
    /** The callback that the handler called. */
    let called: Promise<void> | undefined
    const callback = isStream ? undefined : args[2]
    const takesCallback = typeof callback === 'function'
    if (takesCallback) {
      args[2] = (...answer: Parameters<LambdaCallback>) => {
        called ??= invocation.end().then(() => answerWith(callback as LambdaCallback, answer))
      }
    }
    const run = (): unknown => Reflect.apply(target, self, args)
    let result: unknown
    try {
      result = isScoped ? runWith(context, run) : run()
    } catch (error) {
      result = Promise.reject(error)
    }
    if ((takesCallback || isStream) && !isThenable(result)) {
      if (!called) invocation.endUnseen(takesCallback)
      return result // Node 22 and older ignore it, and refuse it of a stream
    }
    return settle(result, async (hasFailed) => {
      await invocation.end(hasFailed && isStream ? brokenStreamFlushMs : undefined)
      await called
    })
  }
  return new Proxy(handler, { apply })
}

async function settle(result: unknown, end: (hasFailed: boolean) => Promise<void>): Promise<unknown> {
  let hasFailed = true
  try {
    const value = await result
    hasFailed = false
    return value
  } finally {
    await end(hasFailed)
  }
}

/** In a turn of its own: what the callback throws must be an exception, as it is without the wrapper. */
function answerWith(callback: LambdaCallback, answer: Parameters<LambdaCallback>): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => {
      resolve()
      callback(...answer)
    })
  })
}
