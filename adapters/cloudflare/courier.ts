import {
  attempt,
  type Delivery,
  deliveryOf,
  expect,
  isBatchAnswer,
  keyLifetimeMs,
  rejectionError,
  rejectionsIn,
  report,
} from '../../src/adapter.ts'
import { GFluxNodeError, initGFluxNode } from '../../src/index.ts'
import { directFetch, type SealedBatch } from './sealed-batch.ts'

/**
 * Makes one attempt at a batch under its own key, whose first attempt began at `triedSince` where it may have been stored
 * then. Resolves to `undefined` when the batch needs no other one, for the API took it or refused it for good, which was
 * reported; or to the quiet that the API asks for, in milliseconds.
 */
export type Courier = (batch: SealedBatch, triedSince: number | undefined) => Promise<number | undefined>

/** @param gflux whose token, host, logger and `onDrop` it uses, and whose `fetch` where that doesn't seal */
export function createCourier(gflux: object): Courier {
  const given = deliveryOf(gflux)
  expect(given, 'config', 'a function or a client', gflux)
  const client = initGFluxNode({ ...given.config, fetch: directFetch(given.config.fetch) })
  const own = deliveryOf(client) as Delivery
  const { config, ports } = own

  return async ({ key, events }, triedSince) => {
    const drop = (dropped: readonly object[], error: GFluxNodeError): undefined =>
      report(
        own,
        dropped.map((event) => ({ json: JSON.stringify(event) })),
        error,
      ) as undefined
    if (triedSince !== undefined && ports.now() - triedSince > keyLifetimeMs) {
      const message = 'The outcome of a batch stayed unknown until its key expired'
      return drop(events, new GFluxNodeError('idempotency_expired', message))
    }
    const body = JSON.stringify({ events })
    const isAnswer = (given: unknown): boolean => isBatchAnswer(given, events)
    const request = { config, path: 'events/batch', key, body, isAnswer }
    const { answer, error } = await attempt(ports, request, config.timeoutMs)
    if (error?.retryable) return error.retryAfterMs ?? 0
    if (error) return drop(events, error)
    const rejections = rejectionsIn(answer, events)
    const rejected = events.filter((_, place) => rejections[place])
    return rejected.length ? drop(rejected, rejectionError(rejections)) : undefined
  }
}
