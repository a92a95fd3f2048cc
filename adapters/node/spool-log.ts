import type { Batch, QueuedEvent } from '../../src/adapter.ts'
import { within } from '../shared/within.ts'
import { CommitLog, type CommitLogOptions } from './commit-log.ts'
import type { RestoredBatch } from './replay.ts'
import { encodeRecord } from './spool-record.ts'

/** A request does not wait longer for the disk. */
const patienceMs = 1000
/** Below it, writing a file anew is not worth it. */
const minShrinkBytes = 1024 * 1024

export interface SpoolLogOptions extends Omit<CommitLogOptions, 'shrink'> {
  /** Bytes that the spool may take. */
  readonly maxBytes: number
}

/** Events under one key, as the file has them. */
interface Group {
  readonly events: QueuedEvent[]
  readonly ids: number[]
  /** When it is durable that all of these are sent under the key, and no others. */
  recorded?: Promise<boolean>
  /** The batch's `unknownSince` as the file has it: by the system's clock, which may be set back. */
  attemptedAt?: number | undefined
}

/** The file of events that are in the queue. What is settled goes from it in time. */
export class SpoolLog {
  readonly file: CommitLog
  readonly #groups = new Map<string, Group>()
  /** Events that are not settled. */
  size = 0
  #liveBytes = 0
  #lastId = 0

  constructor(
    path: string,
    { maxBytes, ...options }: SpoolLogOptions,
    restored: readonly RestoredBatch[] = [],
  ) {
    const maxDeadBytes = Math.min(minShrinkBytes, maxBytes / 4)
    this.file = new CommitLog(path, {
      ...options,
      shrink: { snapshot: () => this.#snapshot(), maxBytes: () => maxDeadBytes + 2 * this.#liveBytes },
    })
    for (const { key, events, ids, unknownSince } of restored) {
      for (const [index, event] of events.entries()) this.#hold(event, ids[index] as number)
      const group = this.#groups.get(key)
      if (group) group.attemptedAt = unknownSince
    }
  }

  /** Is any of these events here? */
  has(events: readonly QueuedEvent[]): boolean {
    return events.some(({ key = '' }) => this.#groups.has(key))
  }

  /** Resolves when the event is durable, or can't be. */
  add(event: QueuedEvent): Promise<boolean> {
    const { key = '', json } = event
    const id = this.#lastId + 1
    const group = this.#hold(event, id)
    group.recorded = this.file.append(encodeRecord({ kind: 'event', key, id, json }))
    return group.recorded
  }

  /** Resolves when the file says all that has to be known of the batch, or can't: the next start must send the same. */
  async sending(batch: Batch): Promise<void> {
    const { key, unknownSince } = batch
    const group = this.#regroup(batch)
    const noted: (Promise<boolean> | undefined)[] = [group.recorded]
    if (unknownSince !== undefined && group.attemptedAt === undefined) {
      group.attemptedAt = Date.now()
      const attempt = this.file.note(encodeRecord({ kind: 'attempt', key, attemptedAt: group.attemptedAt }))
      // Not waited for: the power would have to fail in this moment, and for a day.
      void attempt.then(() => this.file.sync())
      noted.push(attempt)
    }
    await within(Promise.all(noted), patienceMs)
  }

  /** Not synced: where it is missed, the key expires for nothing. */
  notStored({ key, unknownSince }: Batch): void {
    const group = this.#groups.get(key)
    if (group?.attemptedAt === undefined || unknownSince !== undefined) return
    this.file.mention(encodeRecord({ kind: 'failed', key, attemptedAt: group.attemptedAt }))
    group.attemptedAt = undefined
  }

  settled(batch: Batch): void {
    const { key } = batch
    const { events } = this.#regroup(batch)
    this.size -= events.length
    for (const { bytes } of events) this.#liveBytes -= bytes
    this.#groups.delete(key)
    this.file.mention(encodeRecord({ kind: 'settled', key }))
  }

  #hold(event: QueuedEvent, id: number): Group {
    const { key = '' } = event
    let group = this.#groups.get(key)
    if (!group) {
      group = { events: [], ids: [] }
      this.#groups.set(key, group)
    }
    group.events.push(event)
    group.ids.push(id)
    this.#lastId = Math.max(this.#lastId, id)
    this.#liveBytes += event.bytes
    this.size++
    return group
  }

  /** The batch's events under the batch's key. Where that is new, since a larger batch was split, the file is told. */
  #regroup({ key, events }: Batch): Group {
    const known = this.#groups.get(key)
    if (known) return known
    const moved: Group = { events: [], ids: [] }
    for (const event of events) {
      const group = this.#groups.get(event.key ?? '')
      const index = group?.events.indexOf(event) ?? -1
      if (!group || index < 0) continue // it is in memory alone
      moved.events.push(event)
      moved.ids.push(...group.ids.splice(index, 1))
      group.events.splice(index, 1)
      if (!group.events[0]) this.#groups.delete(event.key ?? '')
    }
    for (const event of events) event.key = key
    moved.recorded = this.file.append(encodeRecord({ kind: 'batch', key, ids: moved.ids }))
    this.#groups.set(key, moved)
    return moved
  }

  #snapshot(): string[] {
    return [...this.#groups].flatMap(([key, { events, ids, attemptedAt }]) => [
      ...events.map(({ json }, index) => encodeRecord({ kind: 'event', key, id: ids[index] ?? 0, json })),
      ...(attemptedAt === undefined ? [] : [encodeRecord({ kind: 'attempt', key, attemptedAt })]),
    ])
  }
}
