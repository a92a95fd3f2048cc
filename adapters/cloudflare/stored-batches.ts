import {
  type Batch,
  type Delivery,
  envelopeBytes,
  isHalfFull,
  maxBatchBytes,
  maxBatchEvents,
  type QueuedEvent,
  queuedEvents,
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
/** How long a call waits at most for room in the queue. */
const keepUpMs = 2000

type StoredBatch = Pick<Batch, 'key' | 'events' | 'unknownSince'>

interface OpenBatch {
  readonly key: string
  readonly events: QueuedEvent[]
  /** A write of it is about to begin. */
  isSaving?: boolean
}

interface Port {
  /** Sees to it that what is stored will be sent. */
  readonly schedule: () => Promise<void>
  readonly transactionEnd: TransactionEnd
  /** May nothing be waited for now? */
  readonly isCritical: () => boolean
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
 * Keeps a client's queue in an object's storage: an event is there, under the key of its batch, until it is settled. A
 * batch takes events, each time with another write of all of it, until it is full or sent. Nothing is written within a
 * transaction of the user's.
 */
export function storeBatches(
  storage: ObjectStorage,
  delivery: Delivery,
  { schedule, transactionEnd, isCritical }: Port,
): StoredBatches {
  const { guard, log, ports, queue } = delivery
  const maxBytes = hasSql(storage) ? maxBytesInRequest : maxBytesWithoutSql
  /** The batch that takes what is tracked. */
  let open: OpenBatch | undefined
  let bytes = 0
  let saved: Promise<unknown> | undefined
  /** What the calls wait for whose events that stores. */
  let awaited: Promise<unknown> | undefined

  const write = (work: () => Promise<unknown>): Promise<unknown> => transactionEnd()?.then(work) ?? work()

  const put = ({ key: slot, events, unknownSince }: StoredBatch): Promise<unknown> =>
    write(() => {
      const plain = events.map(({ name, json, bytes, key }) => ({ name, json, bytes, key }))
      return storage.put({ [prefix + slot]: { key: slot, events: plain, unknownSince } })
    })

  const remove = (key?: string): Promise<unknown> => write(() => storage.delete(prefix + key))

  /** Once for all events of a batch, when the code that runs has tracked what it tracks. */
  const save = async (batch: OpenBatch): Promise<void> => {
    batch.isSaving = true
    await undefined
    batch.isSaving = false
    // Sealed by now, it may be on its way: that its record tells.
    await Promise.all([put(batch.events[0]?.batch ?? batch), schedule()])
    await storage.sync()
  }

  /** From half a queue on a call waits for the oldest events, so that a loop does not outrun the API. */
  const keepUp = async (): Promise<void> => {
    if (guard.failures || isCritical() || !isHalfFull(delivery)) return
    const oldest = queuedEvents(delivery).slice(0, maxBatchEvents)
    const limits = { deadline: delivery.now() + keepUpMs, ifDown: 'skip' } as const
    await delivery.flush(oldest, limits).catch(() => undefined) // reported through the logger and onDrop
  }

  delivery.journal = {
    record(event, isFull) {
      if (isFull) return undefined
      bytes += event.bytes
      // What a flush has sealed already takes no more.
      if (!open || open.events[0]?.batch || open.events[maxBatchEvents - 1] || bytes > maxBytes) {
        open = { key: ports.randomId(), events: [] }
        bytes = event.bytes
      }
      event.key = open.key
      open.events.push(event)
      if (!open.isSaving) {
        saved = save(open).catch((cause) => log.warn('A batch was not stored', { cause }))
        awaited = saved.then(keepUp)
      }
      return transactionEnd() === undefined ? awaited : Promise.resolve()
    },
    /** With the time of the attempt: no request leaves an object before what it wrote is stored. */
    sending({ key, events: [first] }) {
      const whole = first?.key
      // The halves of a batch that was split take its place in one write.
      for (const batch of queue.batches.filter(({ events: [first] }) => first?.key === whole)) {
        for (const event of batch.events) event.key = batch.key
        void put(batch)
      }
      if (whole !== key) void remove(whole)
      return undefined
    },
    notStored: (batch) => void put(batch),
    settled: ({ key }) => void remove(key),
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
