import { readFile, unlink, writeFile } from 'node:fs/promises'
import { type Delivery, restoreBatch } from '../../src/adapter.ts'
import { type RestoredBatch, replay } from './replay.ts'
import type { SpoolBacklog } from './spool-backlog.ts'
import type { SpoolDirectory } from './spool-directory.ts'
import type { SpoolHealth } from './spool-health.ts'
import { decodeRecords } from './spool-record.ts'

export interface SpoolRestoreOptions {
  readonly delivery: Delivery
  readonly directory: SpoolDirectory
  readonly health: SpoolHealth
  readonly backlog: SpoolBacklog
  /** From now on the file is kept up to date with its batches. */
  readonly adopt: (path: string, batches: readonly RestoredBatch[], isDamaged: boolean) => void
}

/** Brings what waits on disk back, file by file, as far as the queue has room. */
export class SpoolRestore {
  readonly #options: SpoolRestoreOptions

  constructor(options: SpoolRestoreOptions) {
    this.#options = options
  }

  /** Is there something to bring back, and room for it? */
  get isDue(): boolean {
    const { backlog, delivery } = this.#options
    if (backlog.isEmpty) return false
    const { config, queue } = delivery
    const { maxQueueBytes, maxQueueSize } = config
    const isRoomy = queue.size <= maxQueueSize / 2 && queue.bytes + backlog.nextBytes() <= maxQueueBytes
    return isRoomy || !queue.size
  }

  async bringBackAll(): Promise<void> {
    const { backlog, delivery } = this.#options
    while (this.isDue) {
      const path = await backlog.take()
      if (!path) continue
      await this.#bringBack(path).catch(({ code }) =>
        delivery.log.warn('A file of the spool is unreadable', { path, code }),
      )
    }
  }

  async #bringBack(path: string): Promise<void> {
    const { log, queue } = this.#options.delivery
    const { records, damage } = decodeRecords(await readFile(path))
    const batches = replay(records)
    const isDamaged = damage.length > 0
    if (isDamaged) await this.#setAside(Buffer.concat(damage))
    if (!batches[0]) {
      await unlink(path)
      return
    }
    this.#options.adopt(path, batches, isDamaged)
    for (const batch of batches) restoreBatch(queue, batch)
    log.debug('The spool brought batches back', { batches: batches.length })
  }

  async #setAside(damage: Buffer): Promise<void> {
    const { delivery, directory, health } = this.#options
    const file = directory.newPath('corrupt')
    delivery.log.warn('The spool was damaged: a part was set aside', { file, bytes: damage.length })
    await writeFile(file, damage, { mode: 0o600 }).catch((error) => health.onFailure(error))
  }
}
