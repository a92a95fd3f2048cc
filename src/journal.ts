import type { Batch, QueuedEvent } from './queue.ts'

/** Keeps a queue through the end of its process. Nothing of it rejects: what it can't keep is in memory alone. */
export interface Journal {
  /**
   * An event is about to be queued: the journal may choose the `key` of its batch. Resolves when the event is recorded,
   * which `track()` then waits for and for nothing else; `undefined` where it can't be. While the queue is full, a
   * recorded event is not queued: the journal brings it back.
   */
  record(event: QueuedEvent, isFull: boolean): Promise<unknown> | undefined
  /** An attempt at the batch begins, within whose time limit the request waits for what this returns. */
  sending(batch: Batch): Promise<unknown> | undefined
  /** An attempt has certainly not stored the batch: its `unknownSince` is what it was before. */
  notStored(batch: Batch): void
  /** The batch's events are settled. */
  settled(batch: Batch): void
}
