import { assertClient } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { Invocation } from './invocation.ts'
import { type LambdaOptions, resolveLimits } from './options.ts'
import { registeredExtension } from './registry.ts'
import { asksForContext, enterWith } from './running.ts'

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
  /** The invocation begins. */
  before(request: MiddyRequest): void
  /** Flushes before the response. */
  after(request: MiddyRequest): Promise<void>
  /** Flushes before the error. */
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
  const invocations = new WeakMap<MiddyRequest, Invocation>()
  // A request that another middleware answered before this one's turn has none yet.
  const end = (request: MiddyRequest): Promise<void> =>
    (invocations.get(request) ?? new Invocation(gflux, request.context, limits)).end()
  return {
    before(request) {
      if (isScoped) enterWith(request.context)
      registeredExtension()?.giveUp('gfluxMiddleware flushes there; withGFlux can flush after it')
      invocations.set(request, new Invocation(gflux, request.context, limits))
      request.internal[cleanupKey] = () => end(request)
    },
    after: end,
    onError: end,
    requestEnd: end,
  }
}
