import type { ResolvedConfig, WaitUntil } from './config.ts'
import type { FlushLimits } from './flush.ts'
import type { FlushResult } from './flush-result.ts'
import type { Guard } from './guard.ts'
import type { Journal } from './journal.ts'
import type { Flushable } from './lifecycle.ts'
import type { Log } from './log.ts'
import type { Ports } from './ports.ts'
import type { Queue, QueuedEvent } from './queue.ts'
import { expect } from './validation.ts'

export { attempt } from './attempt.ts'
export { type Delivery, flushInBackground, queuedEvents } from './delivery.ts'
export type { Journal } from './journal.ts'
export { beginInvocation, register } from './lifecycle.ts'
export { isBatchAnswer, keyLifetimeMs, report } from './outcome.ts'
export { maxTimerMs } from './ports.ts'
export {
  type Batch,
  maxBatchBytes,
  maxBatchEvents,
  type QueuedEvent,
  restoreBatch,
} from './queue.ts'
export { assertAmount, assertFunction, expect, expectNumber, plainObject } from './validation.ts'

/** What an adapter of this package may know of a client besides its public API. */
export interface ClientInside {
  readonly config: ResolvedConfig
  readonly log: Log
  readonly ports: Ports
  /** The time that leases and pauses are told in. */
  now(): number
  readonly queue: Queue
  readonly guard: Guard
  readonly isClosed: boolean
  journal?: Journal
  /** Invocations under way whose end flushes: meanwhile no `track()` waits for the API. */
  invocations: number
  /** Asked for each event: the lifetime of the code that tracks it, where the client has no `waitUntil`. */
  lifetime?: (event: QueuedEvent) => WaitUntil | undefined
  /** How long a background flush may begin attempts: its waits hold the process open. */
  backgroundMs: number
  /** A flush of some of its events. */
  flush(events: readonly QueuedEvent[], limits: FlushLimits): Promise<FlushResult>
}

/** @throws {GFluxNodeError} `validation_error` */
export function assertClient(gflux: unknown): void {
  expect(typeof (gflux as Partial<Flushable> | undefined)?.flush === 'function', 'gflux', 'a client', gflux)
}

/** Where a client keeps it: the same place in every copy of this package. */
export const insideKey: unique symbol = Symbol.for('@getfluxly/node/inside')

/** `undefined` for what is no client of this package. */
export function insideOf(gflux: unknown): ClientInside | undefined {
  return (Object(gflux) as { [insideKey]?: ClientInside })[insideKey]
}
