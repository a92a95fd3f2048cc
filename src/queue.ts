import type { GFluxNodeError } from './errors.ts'

export const maxBatchEvents = 50
export const maxBatchBytes: number = 256 * 1024
/** How much longer than its attempt a lease is. */
export const leaseGraceMs = 1_000
/** What a request has besides its events and the commas between them. */
export const envelopeBytes: number = '{"events":[]}'.length

/** What became of an event. The events of one batch share one, but for those that the API refused by themselves. */
export interface Settlement {
  requestId?: string | undefined
  /** Why the API refused it. */
  rejection?: { error: string; detail: string } | undefined
  /** Why its whole batch was dropped. */
  failure?: GFluxNodeError
}

/** An event, validated and serialised. */
export interface QueuedEvent {
  readonly name: string
  readonly json: string
  /** UTF-8 bytes of `json`. */
  readonly bytes: number
  /** The flush of its own that the `waitUntil` of its invocation holds. */
  hold?: Promise<unknown> | false | undefined
  /** Its batch's, where a journal has chosen it: then the events of one key are sealed together. */
  key?: string
  batch?: Batch
  settlement?: Settlement
}

/**
 * Events sealed under one idempotency key, in one order, until the API took or refused them. Times are milliseconds
 * since the epoch.
 */
export interface Batch {
  readonly key: string
  readonly events: readonly QueuedEvent[]
  /** Failed attempts of the present round. */
  attempts: number
  /** The round, counted over all batches, in which its retries were exhausted last. */
  exhausted: number
  /** How long it rests after its retries were exhausted again. */
  cooldownMs: number
  /** When the next attempt makes sense. */
  notBefore: number
  /** The flush that failed at it waits for that. */
  isPaced: boolean
  /** The end of the holder's lease, and so its name: who finds another one decides no more. 0 where there is none. */
  leasedUntil: number
  /** Since it was first put off (429): how often the acceptance of others may still make up for that. */
  grace?: number
  /** When the first attempt began whose outcome is unknown. */
  unknownSince?: number | undefined
  /** Why the last attempt failed. */
  error?: GFluxNodeError
}

/**
 * Events that are not settled, as plain data: first in the open list, then sealed in batches. Safe at module scope on
 * every platform: any invocation may go on where another one was frozen, cancelled or crashed.
 */
export interface Queue {
  open: QueuedEvent[]
  batches: Batch[]
  /** Unsettled events, in flight or not. */
  size: number
  /** Their bytes. */
  bytes: number
}

/** Seals the oldest open events, as many as one request may hold. */
export function sealBatch({ batches, open }: Queue, key: string): Batch {
  const [first] = open
  let bytes = envelopeBytes
  const end = open.findIndex((event, index) => {
    bytes += event.bytes + 1
    return index === maxBatchEvents || bytes > maxBatchBytes || event.key !== first?.key
  })
  const batch = createBatch(first?.key ?? key, open.splice(0, end < 0 ? maxBatchEvents : end))
  batches.push(batch)
  return batch
}

/** Puts back a batch that a journal kept. */
export function restoreBatch(
  queue: Queue,
  { key, events, unknownSince }: Pick<Batch, 'key' | 'events' | 'unknownSince'>,
): void {
  queue.batches.push(Object.assign(createBatch(key, events), { unknownSince }))
  for (const { bytes } of events) {
    queue.size++
    queue.bytes += bytes
  }
}

/** Halves a batch that was too large, under new keys, in its place. */
export function splitBatch({ batches }: Queue, batch: Batch, createKey: () => string): void {
  const { events } = batch
  const middle = events.length >> 1
  const first = createBatch(createKey(), events.slice(0, middle))
  const second = createBatch(createKey(), events.slice(middle))
  batches.splice(batches.indexOf(batch), 1, first, second)
}

function createBatch(key: string, events: readonly QueuedEvent[]): Batch {
  const batch = {
    key,
    events,
    attempts: 0,
    exhausted: 0,
    cooldownMs: 0,
    notBefore: 0,
    isPaced: false,
    leasedUntil: 0,
  }
  for (const event of events) event.batch = batch
  return batch
}
