import type { Delivery } from './delivery.ts'
import type { Flushable } from './lifecycle.ts'
import { expect } from './validation.ts'

export { attempt } from './attempt.ts'
export { type Delivery, flushInBackground, queuedEvents } from './delivery.ts'
export type { Journal } from './journal.ts'
export { beginInvocation, register } from './lifecycle.ts'
export { isBatchAnswer, keyLifetimeMs, report } from './outcome.ts'
export { callFetch, maxTimerMs } from './ports.ts'
export {
  type Batch,
  envelopeBytes,
  maxBatchBytes,
  maxBatchEvents,
  type QueuedEvent,
  restoreBatch,
} from './queue.ts'
export { assertAmount, assertFunction, expect, expectNumber, plainObject } from './validation.ts'

/** @throws {GFluxNodeError} `validation_error` */
export function assertClient(gflux: unknown): void {
  expect(typeof (gflux as Partial<Flushable> | undefined)?.flush === 'function', 'gflux', 'a client', gflux)
}

/** Where a client keeps its delivery: the same place in every copy of this package. */
export const deliveryKey: unique symbol = Symbol.for('@getfluxly/node/inside')

/** What an adapter of this package may know of a client besides its public API: `undefined` for what is none of ours. */
export function deliveryOf(gflux: unknown): Delivery | undefined {
  return (Object(gflux) as { [deliveryKey]?: Delivery })[deliveryKey]
}
