import {
  type Batch,
  type Delivery,
  envelopeBytes,
  maxBatchBytes,
  maxBatchEvents,
  type QueuedEvent,
  restoreBatch,
} from '../../src/adapter.ts'
import type { ObjectStorage } from './platform.ts'
import type { TransactionEnd } from './shared-storage.ts'

const prefix = '__gflux:batch:'
/** What one request takes of events. */
const maxBytesInRequest = maxBatchBytes - envelopeBytes - maxBatchEvents
/**
 * A value of an object without SQLite holds 128 KB, else 2 MB, and two bytes for each character of text that isn't Latin.
 * https://developers.cloudflare.com/durable-objects/platform/limits/
 */
const maxBytesWithoutSql = 60_000

type StoredBatch = Pick<Batch, 'key' | 'events' | 'unknownSince'>

interface Port {
  /** Sees to it that what is stored will be sent. */
  readonly schedule: () => Promise<void>
  readonly transactionEnd: TransactionEnd
}

interface StoredBatches {
  /** Brings back what the object had not sent when it ended. */
  load(): Promise<void>
  /** Stores again all that is not settled. */
  restore(): void
  /** Resolves when all that was tracked is stored for good. */
  saved(): Promise<unknown> | undefined
}

/**
 * Keeps a client's queue in an object's storage: an event is there, under the key of its batch, until it is settled.
 * Nothing is written within a transaction of the user's.
 */
export function storeBatches(
  storage: ObjectStorage,
  delivery: Delivery,
  { schedule, transactionEnd }: Port,
): StoredBatches {
  const { log, ports, queue } = delivery
  const maxBytes = hasSql(storage) ? maxBytesInRequest : maxBytesWithoutSql
  /** The batch that takes what the running code tracks: until that pauses, or it is full. */
  let open: { key: string; events: QueuedEvent[] } | undefined
  let bytes = 0
  let saved: Promise<unknown> | undefined

  const write = (work: () => Promise<unknown>): Promise<unknown> => transactionEnd()?.then(work) ?? work()

  const put = ({ key: slot, events, unknownSince }: StoredBatch): Promise<unknown> =>
    write(() => {
      const plain = events.map(({ name, json, bytes, key }) => ({ name, json, bytes, key }))
      return storage.put({ [prefix + slot]: { key: slot, events: plain, unknownSince } })
    })

  /** Once for all events of a batch, when the code that runs has tracked what it tracks. */
  const save = async (batch: StoredBatch): Promise<void> => {
    await undefined
    open = undefined
    await Promise.all([put(batch), schedule()])
    await storage.sync()
  }

  delivery.journal = {
    record(event, isFull) {
      if (isFull) return undefined
      bytes += event.bytes
      // What a flush has sealed already takes no more.
      if (!open || open.events[0]?.batch || open.events[maxBatchEvents - 1] || bytes > maxBytes) {
        open = { key: ports.randomId(), events: [] }
        bytes = event.bytes
        saved = save(open).catch((cause) => log.warn('A batch was not stored', { cause }))
      }
      event.key = open.key
      open.events.push(event)
      return transactionEnd() === undefined ? saved : Promise.resolve()
    },
    sending(batch) {
      void put(batch) // with the time of the attempt: no request leaves an object before what it wrote is stored
      return undefined
    },
    notStored: (batch) => void put(batch),
    settled({ key, events: [first] }) {
      void write(() => storage.delete(prefix + key))
      if (first?.key !== key) void write(() => storage.delete(prefix + first?.key)) // it was split
    },
  }

  return {
    async load() {
      for (const stored of (await storage.list({ prefix })).values()) {
        const batch = stored as StoredBatch
        // The object's constructor may have tracked events before this.
        const known = [...queue.open, ...queue.batches]
        if (!known.some(({ key }) => key === batch.key)) restoreBatch(queue, batch)
      }
      if (queue.size) await schedule()
    },
    restore() {
      for (const batch of queue.batches) void put(batch)
      for (const key of new Set(queue.open.map((event) => event.key as string)))
        void put({ key, events: queue.open.filter((event) => event.key === key) })
    },
    saved: () => saved,
  }
}

function hasSql(storage: ObjectStorage): boolean {
  try {
    return storage.sql?.databaseSize !== undefined
  } catch {
    return false // so the runtime says that there is none
  }
}
