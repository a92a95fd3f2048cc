import { type Answer, jsonAnswer, refusal } from './answer.ts'
import type { Call, Services } from './endpoint.ts'
import { findEventFault, type WireEvent } from './event-rules.ts'
import { findUnknownField, isJsonObject } from './json.ts'

const MAX_EVENTS_PER_BATCH = 50

interface EventError {
  readonly index: number
  readonly error: 'validation_error'
  readonly detail: string
}

/** `POST /v1/events/batch`: takes the valid events and says which ones it rejected. */
export function acceptBatch({ body, apiKey }: Call, services: Services): Answer {
  const events = readEvents(body)
  if (typeof events === 'string') return refusal('validation_error', events)
  const limited = limitRate(events.length, apiKey.value, services)
  if (limited !== undefined) return limited

  const errors: EventError[] = []
  for (const [index, event] of events.entries()) {
    const detail = findEventFault(event)
    if (detail === undefined) services.store.addEvent(event as WireEvent)
    else errors.push({ index, error: 'validation_error', detail })
  }
  services.statistics.rejected += errors.length
  return jsonAnswer(202, {
    accepted: events.length - errors.length,
    rejected: errors.length,
    request_id: services.createId('req_'),
    ...(errors.length > 0 && { errors }),
  })
}

/** `POST /v1/events`: one event, refused as a whole where it is invalid. */
export function acceptEvent({ body, apiKey }: Call, services: Services): Answer {
  const limited = limitRate(1, apiKey.value, services)
  if (limited !== undefined) return limited

  const fault = findEventFault(body)
  if (fault !== undefined) {
    services.statistics.rejected += 1
    return refusal('validation_error', fault)
  }
  services.store.addEvent(body as WireEvent)
  return jsonAnswer(202, { accepted: 1, rejected: 0, request_id: services.createId('req_') })
}

function readEvents(body: unknown): readonly unknown[] | string {
  if (!isJsonObject(body)) return 'body must be an object'
  const unknown = findUnknownField(body, ['events'])
  if (unknown !== undefined) return `unknown field ${JSON.stringify(unknown)}`
  const { events } = body
  if (!Array.isArray(events)) return 'events must be an array'
  if (events.length === 0 || events.length > MAX_EVENTS_PER_BATCH) {
    return `events must have 1 to ${MAX_EVENTS_PER_BATCH} items, got ${events.length}`
  }
  return events
}

function limitRate(events: number, apiKey: string, { rateLimit }: Services): Answer | undefined {
  const waitSeconds = rateLimit.take(apiKey, events)
  if (waitSeconds === 0) return undefined
  const answer = refusal('rate_limited', `too many events, retry after ${waitSeconds} s`)
  return { ...answer, headers: { ...answer.headers, 'retry-after': String(waitSeconds) } }
}
