import type { QueuedEvent } from './queue.ts'

/** One event the API refused. */
export interface RejectedEvent {
  /** Position among the events this flush covered, oldest first. */
  index: number
  /** The event's name. */
  event: string
  /** The API's error code. */
  error: string
  /** The API's explanation. */
  detail: string
}

/** What became of the events that were queued when the flush was called. */
export interface FlushResult {
  /** Events the API stored. */
  accepted: number
  /** Events the API refused for good. */
  rejected: number
  /** Events still queued: the budget was spent, or the API is down. */
  pending: number
  /** Why each rejected event was refused. */
  errors: RejectedEvent[]
  /** The API's request ids, for its support. */
  requestIds: string[]
}

/** Counts what became of `events`. */
export function flushResult(events: readonly QueuedEvent[]): FlushResult {
  const errors: RejectedEvent[] = []
  const requestIds = new Set<string>()
  let pending = 0
  events.forEach(({ name: event, settlement }, index) => {
    if (!settlement) pending++
    const { requestId, rejection } = settlement ?? {}
    if (requestId) requestIds.add(requestId)
    if (rejection) errors.push({ ...rejection, index, event })
  })
  const rejected = errors.length
  return {
    accepted: events.length - pending - rejected,
    rejected,
    pending,
    errors,
    requestIds: [...requestIds],
  }
}
