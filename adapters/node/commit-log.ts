import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface CommitLogOptions {
  /** Makes the directory ready; runs before a file is made in it. */
  prepare(): Promise<void>
  /** No commit succeeds meanwhile. */
  isPaused(): boolean
  onFailure(error: unknown): void
  onSuccess(): void
  /** What the file may shrink to, once it has more bytes than that; absent where a file only grows. */
  shrink?: { snapshot(): Buffer[]; maxBytes(): number }
  /** The file has damage already: the next commit writes it anew. */
  isDamaged?: boolean
}

interface Commit {
  readonly lines: Buffer[]
  isDurable: boolean
  readonly done: Promise<boolean>
}

/**
 * An append-only file with group commit: what is appended while a commit is under way is the next commit, of one write
 * and one `fdatasync`. What has become superfluous goes when the file is written anew, and put in its place at once.
 */
export class CommitLog {
  bytes = 0
  readonly path: string
  readonly #options: CommitLogOptions
  #file: FileHandle | undefined
  #next: Commit | undefined
  #last: Promise<boolean> = Promise.resolve(true)
  /** A commit failed: its lines are missing, and the file may end with a part of one. */
  #isBroken: boolean

  constructor(path: string, options: CommitLogOptions) {
    this.path = path
    this.#options = options
    this.#isBroken = options.isDamaged ?? false
  }

  /** Resolves when the line is written and, where it has to be durable, synced: to `false` where that failed. */
  append(line: Buffer, isDurable: boolean): Promise<boolean> {
    this.#next ??= this.#schedule()
    this.#next.lines.push(line)
    if (isDurable) this.#next.isDurable = true
    return this.#next.done
  }

  /** Resolves when all that was appended is written, or could not be. */
  idle(): Promise<boolean> {
    return this.#last
  }

  async close(): Promise<void> {
    await this.#last
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => undefined) // all of it is synced, or known to be missing
  }

  async remove(): Promise<void> {
    await this.close()
    await unlink(this.path).catch(() => undefined) // it was never made, or is gone
    this.bytes = 0
  }

  #schedule(): Commit {
    const done = this.#last.then(() => this.#commit())
    this.#last = done
    return { lines: [], isDurable: false, done }
  }

  async #commit(): Promise<boolean> {
    const { isPaused, onFailure, onSuccess, shrink } = this.#options
    const { lines = [], isDurable } = this.#next ?? {}
    this.#next = undefined
    if (isPaused() || (this.#isBroken && !shrink)) return false
    try {
      const isDue = this.#isBroken || this.bytes > (shrink?.maxBytes() ?? Infinity)
      if (shrink && isDue) await this.#replace(Buffer.concat(shrink.snapshot()))
      else {
        this.#file ??= await this.#open()
        await writeAll(this.#file, Buffer.concat(lines))
        if (isDurable) await this.#file.datasync()
        this.bytes += lines.reduce((sum, { length }) => sum + length, 0)
      }
      onSuccess()
      return true
    } catch (error) {
      this.#isBroken = true
      onFailure(error)
      return false
    }
  }

  async #open(): Promise<FileHandle> {
    await this.#options.prepare()
    const file = await open(this.path, 'a', 0o600)
    this.bytes = (await file.stat()).size
    await syncDirectory(this.path)
    return file
  }

  async #replace(content: Buffer): Promise<void> {
    const temporary = `${this.path}.tmp`
    await this.#options.prepare()
    const file = await open(temporary, 'w', 0o600)
    try {
      await writeAll(file, content)
      await file.datasync()
      await rename(temporary, this.path)
    } catch (error) {
      await file.close()
      await unlink(temporary)
      throw error
    }
    await syncDirectory(this.path)
    await this.#file?.close()
    this.#file = file
    this.#isBroken = false
    this.bytes = content.length
  }
}

async function writeAll(file: FileHandle, content: Buffer): Promise<void> {
  for (let written = 0; written < content.length; ) {
    const { bytesWritten } = await file.write(content, written)
    written += bytesWritten
  }
}

/** A new name in a directory is durable when the directory is. Windows can't sync one, and need not. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
