import { randomUUID } from 'node:crypto'
import type { QueuedEvent } from '../../src/adapter.ts'
import type { SpoolRecord } from './spool-record.ts'

/** A batch that was not settled when its process ended. */
export interface RestoredBatch {
  readonly key: string
  readonly events: QueuedEvent[]
  /** The events' ids in their file. */
  readonly ids: number[]
  readonly unknownSince: number | undefined
}

/** Who reads the attempt's time may have a clock of its own. */
const maxAheadMs = 60_000

/** What a file's records come to. */
export function replay(records: Iterable<SpoolRecord>): RestoredBatch[] {
  const events = new Map<number, { key: string; json: string }>()
  const attempts = new Map<string, number>()
  const settled = new Set<string>()
  const split = new Set<string>()
  for (const record of records) {
    if (record.kind === 'attempt') attempts.set(record.key, record.attemptedAt)
    else if (record.kind === 'failed') {
      if (attempts.get(record.key) === record.attemptedAt) attempts.delete(record.key)
    } else if (record.kind === 'settled') settled.add(record.key)
    else if (record.kind === 'event') {
      if (!events.has(record.id)) events.set(record.id, { key: record.key, json: record.json })
    } else {
      for (const id of record.ids) {
        const event = events.get(id)
        if (!event || event.key === record.key) continue
        split.add(event.key)
        event.key = record.key
      }
    }
  }
  const batches = new Map<string, RestoredBatch>()
  for (const [id, { key, json }] of events) {
    if (settled.has(key)) continue
    let batch = batches.get(key)
    if (!batch) {
      // What is left of a split batch was refused with it, so its old key stands for more than it is.
      const newKey = split.has(key) ? randomUUID() : key
      batch = { key: newKey, events: [], ids: [], unknownSince: sinceWhen(attempts.get(newKey)) }
      batches.set(key, batch)
    }
    batch.ids.push(id)
    batch.events.push({ name: JSON.parse(json).event, json, bytes: Buffer.byteLength(json), key })
  }
  return [...batches.values()]
}

/** Where the clock was set back nobody knows how old the key is: so it has expired. */
function sinceWhen(attemptedAt: number | undefined): number | undefined {
  return attemptedAt !== undefined && attemptedAt > Date.now() + maxAheadMs ? 0 : attemptedAt
}
