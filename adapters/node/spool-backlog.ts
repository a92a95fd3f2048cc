import type { QueuedEvent } from '../../src/adapter.ts'
import { GFluxNodeError } from '../../src/index.ts'
import { BatchKeys } from './batch-keys.ts'
import type { CommitLog } from './commit-log.ts'
import { encodeRecord } from './spool-record.ts'

/** Files hold as little as this, so that the queue soon has room for the next one. */
export interface FileLimits {
  readonly maxEvents: number
  readonly maxBytes: number
}

interface Waiting {
  readonly path: string
  readonly bytes: number
  readonly file?: CommitLog
}

interface Parking {
  readonly file: CommitLog
  readonly keys: BatchKeys
  events: number
  bytes: number
}

/** Files whose events wait for room in the queue: what was tracked while it was full, and what the dead left. */
export class SpoolBacklog {
  /** Bytes of all its files. */
  bytes = 0
  readonly #limits: FileLimits
  readonly #createFile: () => CommitLog
  readonly #waiting: Waiting[] = []
  #parking: Parking | undefined

  constructor(limits: FileLimits, createFile: () => CommitLog) {
    this.#limits = limits
    this.#createFile = createFile
  }

  get isEmpty(): boolean {
    return !this.#waiting[0] && !this.#parking
  }

  /** @throws {GFluxNodeError} `queue_overflow` where it could not be written. */
  async park(event: QueuedEvent): Promise<null> {
    this.#parking ??= { file: this.#createFile(), keys: new BatchKeys(), events: 0, bytes: 0 }
    const parking = this.#parking
    parking.keys.assign(event)
    const { key = '', json } = event
    const line = encodeRecord({ kind: 'event', key, id: ++parking.events, json })
    parking.bytes += line.length
    this.bytes += line.length
    const recorded = parking.file.append(line)
    const { maxEvents, maxBytes } = this.#limits
    if (parking.events >= maxEvents || parking.bytes >= maxBytes) this.#closeParking()
    if (await recorded) return null
    if (this.#parking === parking) this.#closeParking()
    const message = 'The queue is full, and the spool can’t be written'
    throw new GFluxNodeError('queue_overflow', message, { retryable: true })
  }

  add(path: string, bytes: number): void {
    this.#waiting.push({ path, bytes })
    this.bytes += bytes
  }

  /** Bytes of the file that is next. */
  nextBytes(): number {
    return this.#waiting[0]?.bytes ?? this.#parking?.bytes ?? 0
  }

  /** Takes the oldest file, complete. */
  async take(): Promise<string | undefined> {
    if (!this.#waiting[0]) this.#closeParking()
    const next = this.#waiting.shift()
    if (!next) return undefined
    this.bytes -= next.bytes
    await next.file?.close()
    return next.path
  }

  async close(): Promise<void> {
    this.#closeParking()
    for (const { file } of this.#waiting) await file?.close()
  }

  #closeParking(): void {
    if (!this.#parking) return
    const { file, bytes } = this.#parking
    this.#waiting.push({ path: file.path, bytes, file })
    void file.close() // as soon as it is written: an outage may leave many
    this.#parking = undefined
  }
}
