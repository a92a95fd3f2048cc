import type { Batch, QueuedEvent } from '../../src/adapter.ts'
import { CommitLog, type CommitLogOptions } from './commit-log.ts'
import type { RestoredBatch } from './replay.ts'
import { encodeRecord } from './spool-record.ts'

/** Below it, writing a file anew is not worth it. */
const minShrinkBytes = 1024 * 1024

export interface SpoolLogOptions extends Omit<CommitLogOptions, 'shrink'> {
  /** Bytes that the spool may take. */
  readonly maxBytes: number
}

/** The file of events that are in the queue. What is settled goes from it in time. */
export class SpoolLog {
  readonly #file: CommitLog
  readonly #ids = new Map<QueuedEvent, number>()
  /** What is on record of a batch's attempts. */
  readonly #attempts = new Map<string, number | undefined>()
  #liveBytes = 0
  #lastId = 0

  constructor(
    path: string,
    { maxBytes, ...options }: SpoolLogOptions,
    restored: readonly RestoredBatch[] = [],
  ) {
    const maxDeadBytes = Math.min(minShrinkBytes, maxBytes / 4)
    this.#file = new CommitLog(path, {
      ...options,
      shrink: { snapshot: () => this.#snapshot(), maxBytes: () => maxDeadBytes + 2 * this.#liveBytes },
    })
    for (const { key, events, ids, unknownSince } of restored) {
      if (unknownSince !== undefined) this.#attempts.set(key, unknownSince)
      for (const [index, event] of events.entries()) this.#hold(event, ids[index] as number)
    }
  }

  get bytes(): number {
    return this.#file.bytes
  }

  get isEmpty(): boolean {
    return this.#ids.size === 0
  }

  has(event: QueuedEvent | undefined): boolean {
    return event !== undefined && this.#ids.has(event)
  }

  /** Resolves when the event is durable, or can't be. */
  add(event: QueuedEvent, key: string): Promise<boolean> {
    const id = this.#lastId + 1
    this.#hold(event, id)
    return this.#file.append(encodeRecord({ kind: 'event', key, id, json: event.json }), true)
  }

  /** Resolves when the file says all that the batch's end has to be known by. */
  sending(batch: Batch): Promise<boolean> {
    const { key, events, unknownSince } = batch
    const isSplit = events.some((event) => event.key !== key)
    if (isSplit) {
      void this.#file.append(this.#batchRecord(key, events), true)
      for (const event of events) event.key = key
    }
    if (unknownSince !== undefined && this.#attempts.get(key) !== unknownSince) {
      this.#attempts.set(key, unknownSince)
      // Not synced: only where the power fails now, and for a day, is it missed.
      void this.#file.append(encodeRecord({ kind: 'attempt', key, unknownSince }), false)
    }
    return this.#file.idle()
  }

  settled({ key, events }: Batch): void {
    for (const event of events) {
      if (this.#ids.delete(event)) this.#liveBytes -= event.bytes
    }
    this.#attempts.delete(key)
    void this.#file.append(encodeRecord({ kind: 'settled', key }), false)
  }

  idle(): Promise<boolean> {
    return this.#file.idle()
  }

  remove(): Promise<void> {
    return this.#file.remove()
  }

  #hold(event: QueuedEvent, id: number): void {
    this.#ids.set(event, id)
    this.#lastId = Math.max(this.#lastId, id)
    this.#liveBytes += event.bytes
  }

  #batchRecord(key: string, events: readonly QueuedEvent[]): Buffer {
    const ids = events.flatMap((event) => this.#ids.get(event) ?? [])
    return encodeRecord({ kind: 'batch', key, ids })
  }

  #snapshot(): Buffer[] {
    const events = [...this.#ids].map(([{ key = '', json }, id]) =>
      encodeRecord({ kind: 'event', key, id, json }),
    )
    const attempts = [...this.#attempts].map(([key, unknownSince = 0]) =>
      encodeRecord({ kind: 'attempt', key, unknownSince }),
    )
    return [...events, ...attempts]
  }
}
