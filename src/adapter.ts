import type { Flushable } from './lifecycle.ts'
import { expect } from './validation.ts'

export { attempt } from './attempt.ts'
export { flushInBackground } from './background.ts'
export {
  type Delivery,
  deliveryOf,
  isHalfFull,
  isOrphan,
  orphansIn,
  queuedEvents,
} from './delivery.ts'
export type { Journal } from './journal.ts'
export { beginInvocation, register, watchCalls } from './lifecycle.ts'
export { isBatchAnswer, keyLifetimeMs, rejectionError, rejectionsIn, report } from './outcome.ts'
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
