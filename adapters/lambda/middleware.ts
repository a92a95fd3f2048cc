import { assertClient, beginInvocation } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { flushWithLatecomers } from './flush-with-latecomers.ts'
import { budgetMs, type LambdaOptions, resolveLimits } from './options.ts'
import { registeredExtension } from './registry.ts'
import { asksForContext, enterWith, rememberFirst } from './running.ts'
import { flushAtShutdown } from './shutdown.ts'

/**
 * What is used of middy's request. Powertools' types of it (`@aws-lambda-powertools/commons/types`) fit; imported, they
 * would bring `@types/aws-lambda` into everyone's project.
 */
export interface MiddyRequest {
  /** Lambda's. Middy derives its handler's context from this type, and takes none that is not AWS's own. */
  readonly context: object
  readonly internal: Record<string, unknown>
}

/** A middy middleware. Its functions return nothing: a value would end the chain. */
export interface GFluxMiddleware {
  before(request: MiddyRequest): void
  after(request: MiddyRequest): Promise<void>
  onError(request: MiddyRequest): Promise<void>
  /** For middy's own hook of this name, which also ends requests that another middleware answers early. */
  requestEnd(request: MiddyRequest): Promise<void>
}

/** Where the flush is kept in `request.internal`, for middleware that answers early and cleans up before that. */
const cleanupKey = '@getfluxly/node'

/**
 * Flushes at the end of a middy request, before its response. Used first, it runs last.
 *
 * Middy skips a middleware where another one answers early in `before`, or returns a value from `after` or `onError`,
 * and runs it before the body of a stream is sent. Its hook `requestEnd` covers the first two. Only
 * `withGFlux(gflux, middy(handler))` sees every end, and only that can flush after the response.
 *
 * @throws {GFluxNodeError} `validation_error`, naming the option.
 *
 * @example
 * ```ts
 * const flushing = gfluxMiddleware(gflux)
 * export const handler = middy(handle, { requestEnd: flushing.requestEnd }).use(flushing)
 * ```
 */
export function gfluxMiddleware(gflux: Flushable, options?: LambdaOptions): GFluxMiddleware {
  assertClient(gflux)
  const limits = resolveLimits(options)
  const isScoped = asksForContext(gflux)
  const ends = new WeakMap<MiddyRequest, () => void>()
  const flush = (request: MiddyRequest): Promise<void> => {
    ends.get(request)?.()
    return flushWithLatecomers(gflux, budgetMs(request.context, limits))
  }
  return {
    before(request) {
      rememberFirst(request.context)
      if (isScoped) enterWith(request.context)
      ends.set(request, beginInvocation(gflux))
      flushAtShutdown(gflux)
      registeredExtension()?.giveUp('gfluxMiddleware flushes there; withGFlux can flush after it')
      request.internal[cleanupKey] = () => flush(request)
    },
    after: flush,
    onError: flush,
    requestEnd: flush,
  }
}
