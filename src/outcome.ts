import type { Delivery } from './delivery.ts'
import { GFluxNodeError } from './errors.ts'
import { safely } from './log.ts'
import type { Batch, QueuedEvent, Settlement } from './queue.ts'

/** The API remembers an idempotency key for 24 hours: a minute less leaves time for the request under way. */
export const keyLifetimeMs: number = (24 * 60 - 1) * 60 * 1000

/** Why the API rejected an event of a batch that it took. */
interface Rejection {
  index: number
  error: string
  detail: string
}

/** The 202 of a batch. */
interface BatchAnswer {
  accepted: number
  rejected: number
  request_id?: string
  errors?: Rejection[] | null
}

/** An answer that rejects events has to name them. */
export function isBatchAnswer(answer: unknown, events: readonly object[]): boolean {
  const { accepted, rejected = 0 } = Object(answer) as Partial<BatchAnswer>
  const isUntold = rejected > 0 && rejected > rejectionsIn(answer, events).filter(Boolean).length
  return typeof accepted === 'number' && !isUntold
}

/** The rejection of each event; `undefined` for those that were accepted. */
export function rejectionsIn(answer: unknown, events: readonly object[]): (Rejection | undefined)[] {
  const { errors } = Object(answer) as Partial<BatchAnswer>
  const details: Rejection[] = Array.isArray(errors) ? errors.map(Object) : []
  return events.map((_, place) => details.find(({ index }) => index === place))
}

/** The API took the batch, all of it or but for some events. */
export function acceptBatch(delivery: Delivery, batch: Batch, answer: unknown): void {
  const { request_id: requestId } = answer as BatchAnswer
  const rejections = rejectionsIn(answer, batch.events)
  settle(delivery, batch, { requestId })
  const rejected = batch.events.filter((event, place) => {
    const rejection = rejections[place]
    if (rejection) event.settlement = { requestId, rejection }
    return rejection
  })
  if (rejected[0]) report(delivery, rejected, rejectionError(rejections))
}

/** What `onDrop` is told of them. */
export function rejectionError(rejections: readonly (Rejection | undefined)[]): GFluxNodeError {
  const details = rejections.flatMap((rejection) => rejection ?? [])
  const reasons = new Set(details.map(({ error }) => error))
  return new GFluxNodeError('validation_error', `The API rejected events: ${[...reasons]}`, { details })
}

/** A key that the API has forgotten does not keep a batch of unknown outcome from being stored twice. */
export function dropExpired(delivery: Delivery, now: number): void {
  const isExpired = ({ leasedUntil, unknownSince = now }: Batch): boolean =>
    leasedUntil <= now && now - unknownSince >= keyLifetimeMs
  const { batches } = delivery.queue
  // Looked for anew each time: whoever is told may flush, and drop the others.
  for (let batch = batches.find(isExpired); batch; batch = batches.find(isExpired)) {
    const message = 'The key of a batch of unknown outcome expired'
    dropBatch(delivery, batch, new GFluxNodeError('idempotency_expired', message, { cause: batch.error }))
  }
}

/** The API refused the batch, or nobody can tell any more whether it took it. */
export function dropBatch(delivery: Delivery, batch: Batch, failure: GFluxNodeError): void {
  const { error = failure.code, detail = failure.message, request_id: requestId } = Object(failure.details)
  settle(delivery, batch, { requestId, rejection: { error, detail }, failure })
  report(delivery, batch.events, failure)
}

function settle({ journal, queue }: Delivery, batch: Batch, settlement: Settlement): void {
  queue.batches.splice(queue.batches.indexOf(batch), 1)
  for (const event of batch.events) {
    event.settlement = settlement
    queue.size--
    queue.bytes -= event.bytes
  }
  journal?.settled(batch)
}

/** Tells the logger and `onDrop` of events that were given up for good. */
export function report(
  { config, log }: Pick<Delivery, 'config' | 'log'>,
  events: readonly Pick<QueuedEvent, 'json'>[],
  error: GFluxNodeError,
): void {
  const { code, message, status } = error
  log.warn(message, { code, status, events: events.length })
  safely(
    () => config.onDrop?.({ events: events.map(({ json }) => JSON.parse(json)), error }),
    (cause) => log.warn('onDrop failed', { cause }),
  )
}
