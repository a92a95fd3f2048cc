import { assertClient } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import type { LambdaOptions } from './options.ts'
import type { LambdaHandler } from './platform.ts'
import { withGFlux } from './with-gflux.ts'

/** Decorates a method, with the standard's signature or that of TypeScript's `experimentalDecorators`. */
export interface HandlerDecorator {
  <Method extends LambdaHandler>(method: Method, context: { readonly kind: 'method' }): Method
  <Method extends LambdaHandler>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void
}

/**
 * {@link withGFlux} for a handler that is a method.
 *
 * @throws {GFluxNodeError} `validation_error`, naming the option.
 *
 * @example
 * ```ts
 * class Orders {
 *   @gfluxHandler(gflux)
 *   async handler(event: { userId: string }): Promise<void> {
 *     gflux.track('order_placed', { userId: event.userId })
 *   }
 * }
 * const orders = new Orders()
 * export const handler = orders.handler.bind(orders)
 * ```
 */
export function gfluxHandler(gflux: Flushable, options?: LambdaOptions): HandlerDecorator {
  assertClient(gflux)
  function decorate(method: LambdaHandler, context: { readonly kind: 'method' }): LambdaHandler
  function decorate(target: object, key: string | symbol, descriptor: PropertyDescriptor): void
  function decorate(first: unknown, _second: unknown, descriptor?: PropertyDescriptor): unknown {
    if (!descriptor) return withGFlux(gflux, first as LambdaHandler, options)
    descriptor.value = withGFlux(gflux, descriptor.value, options)
    return undefined
  }
  return decorate as HandlerDecorator
}
