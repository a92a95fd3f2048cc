import type { Batch, Delivery, Journal, QueuedEvent } from '../../src/adapter.ts'
import { BatchKeys } from './batch-keys.ts'
import { CommitLog, type CommitLogOptions } from './commit-log.ts'
import { SpoolBacklog } from './spool-backlog.ts'
import { SpoolDirectory, sizeOf } from './spool-directory.ts'
import { SpoolHealth } from './spool-health.ts'
import { SpoolLog } from './spool-log.ts'
import { SpoolRestore } from './spool-restore.ts'

const maxFileBytes = 1024 * 1024

export interface SpoolOptions {
  readonly path: string
  /** Of all files of the folder. */
  readonly maxBytes: number
  readonly delivery: Delivery
  /** Starts to send what was brought back. */
  readonly flush: () => void
}

/**
 * The queue's copy on disk. An event is in the file of its process before `track()` resolves; what is tracked while
 * the queue is full waits in files of its own, and what dead processes left behind is taken over.
 *
 * Plain files and not SQLite, since the package has no dependency and the SQLite of Node 22, Bun and Deno are three
 * different ones; and since a queue is only ever written at its end and read at a start. One writer for each file needs
 * no lock, which Node could not drop at a kill -9. An event is written with the key of its batch, so that a batch
 * needs no record before its first request, and a disk that is full can't make it go out under two keys.
 *
 * Not covered: where the API splits a batch by a 413 while the disk is full and the process is then killed, the halves
 * may be stored twice.
 */
export class Spool implements Journal {
  readonly #delivery: Delivery
  readonly #maxBytes: number
  readonly #flush: () => void
  readonly #directory: SpoolDirectory
  readonly #health: SpoolHealth
  readonly #keys = new BatchKeys()
  readonly #own: SpoolLog
  readonly #adopted = new Set<SpoolLog>()
  readonly #backlog: SpoolBacklog
  readonly #restore: SpoolRestore
  readonly #options: CommitLogOptions
  #working: Promise<void> | undefined

  constructor({ path, maxBytes, delivery, flush }: SpoolOptions) {
    this.#delivery = delivery
    this.#maxBytes = maxBytes
    this.#flush = flush
    this.#directory = new SpoolDirectory(path, delivery, () => {
      for (const log of this.#logs()) log.file.compact()
    })
    this.#health = new SpoolHealth(delivery)
    this.#options = { prepare: () => this.#directory.prepare(), health: this.#health }
    this.#own = new SpoolLog(this.#directory.newPath(), { ...this.#options, maxBytes })
    const { maxQueueBytes, maxQueueSize } = delivery.config
    const limits = {
      maxEvents: Math.ceil(maxQueueSize / 2),
      maxBytes: Math.min(maxFileBytes, maxQueueBytes / 2, maxBytes / 4),
    }
    this.#backlog = new SpoolBacklog(limits, () => new CommitLog(this.#directory.newPath(), this.#options))
    this.#restore = new SpoolRestore({
      delivery,
      directory: this.#directory,
      health: this.#health,
      backlog: this.#backlog,
      adopt: (path, batches, isDamaged) =>
        this.#adopted.add(new SpoolLog(path, { ...this.#options, maxBytes, isDamaged }, batches)),
    })
  }

  /** Is all that is not settled on disk, as far as is known? */
  get hasAll(): boolean {
    const recorded = this.#logs().reduce((events, { size }) => events + size, 0)
    return this.#health.isWorking && !this.#health.commits.size && recorded >= this.#delivery.queue.size
  }

  /** Does the file of this process hold what it need not? Personal data need not lie about for longer than that. */
  get hasLitter(): boolean {
    return this.#health.isWorking && !this.#own.size && this.#own.file.bytes > 0
  }

  /** Do events wait on disk for room in the queue? */
  get hasBacklog(): boolean {
    return !this.#backlog.isEmpty
  }

  record(event: QueuedEvent, isFull: boolean): Promise<unknown> | undefined {
    this.#directory.recount()
    const hasRoom = this.#bytes() + event.bytes < this.#maxBytes
    if (!hasRoom) {
      this.#delivery.log.warn('The spool is full', { maxSpoolBytes: this.#maxBytes })
      this.#keys.interrupt()
      return undefined
    }
    if (!isFull) {
      this.#keys.assign(event)
      return this.#own.add(event)
    }
    if (this.#health.isPaused) return undefined
    event.settlement = {} // as far as this queue goes
    return this.#backlog.park(event)
  }

  sending(batch: Batch): Promise<unknown> | undefined {
    return this.#logOf(batch)?.sending(batch)
  }

  notStored(batch: Batch): void {
    this.#logOf(batch)?.notStored(batch)
  }

  settled(batch: Batch): void {
    const log = this.#logOf(batch)
    log?.settled(batch)
    if (log?.size === 0 && this.#adopted.delete(log)) void log.file.remove()
    if (this.#restore.isDue) void this.#run(() => this.#bringBackAll())
  }

  /** Resolves when all that is known is written, or could not be. */
  async idle(): Promise<void> {
    do {
      await this.#working
      await Promise.all([...this.#health.commits, ...this.#logs().map((log) => log.file.idle())])
    } while (this.#working !== undefined || this.#health.commits.size) // something came meanwhile, such as what was brought back
  }

  /** Takes over what dead processes left, and brings back what the queue has room for. */
  work(): Promise<void> {
    return this.#run(async () => {
      for (const log of this.#logs()) log.file.repair()
      if (this.hasLitter) this.#own.file.compact()
      const orphans = this.#delivery.isClosed ? [] : await this.#directory.takeOrphans()
      for (const path of orphans) this.#backlog.add(path, await sizeOf(path))
      await this.#bringBackAll()
    })
  }

  /** The process ends. */
  async compact(): Promise<void> {
    this.#own.file.compact()
    await this.idle()
  }

  /** The client is closed, and all is sent. */
  async release(): Promise<void> {
    await this.idle()
    await this.#backlog.close()
    await this.#own.file.remove()
    await this.#directory.release()
  }

  #logs(): SpoolLog[] {
    return [this.#own, ...this.#adopted]
  }

  #logOf({ events }: Batch): SpoolLog | undefined {
    return this.#logs().find((log) => log.has(events))
  }

  #bytes(): number {
    let bytes = this.#own.file.bytes + this.#backlog.bytes + this.#directory.otherBytes
    for (const log of this.#adopted) bytes += log.file.bytes
    return bytes
  }

  /** One at a time. */
  #run(work: () => Promise<void>): Promise<void> {
    this.#working ??= work()
      .catch((error) => this.#health.onFailure(error))
      .finally(() => {
        this.#working = undefined
      })
    return this.#working
  }

  async #bringBackAll(): Promise<void> {
    await this.#restore.bringBackAll()
    if (this.#adopted.size) this.#flush()
  }
}
