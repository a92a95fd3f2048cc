import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { SpoolHealth } from './spool-health.ts'

export interface CommitLogOptions {
  /** Makes the directory ready; runs before a file is made in it. */
  prepare(): Promise<void>
  health: SpoolHealth
  /** What the file may shrink to, once it has more bytes than that; absent where a file only grows. */
  shrink?: { snapshot(): string[]; maxBytes(): number }
  /** The file has damage already: the next commit writes it anew. */
  isDamaged?: boolean
}

interface Commit {
  readonly lines: string[]
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
  readonly #notes = new Set<Promise<boolean>>()
  /** Something could not be written: it is missing, and the file may end with a part of it. */
  #isBroken: boolean
  #isReplacing = false

  constructor(path: string, options: CommitLogOptions) {
    this.path = path
    this.#options = options
    this.#isBroken = options.isDamaged ?? false
  }

  /** Resolves when the line is durable; to `false` where that failed. */
  append(line: string): Promise<boolean> {
    this.#next ??= this.#schedule()
    this.#next.lines.push(line)
    return this.#next.done
  }

  /** Writes a line that nobody waits for: with a commit that is to come anyway, or by itself. */
  mention(line: string): void {
    if (this.#next) this.#next.lines.push(line)
    else void this.note(line)
  }

  /** Resolves when the line is written. It is synced with the next commit: until then it does not outlive the machine. */
  note(line: string): Promise<boolean> {
    const file = this.#file
    if (!file || this.#isBroken || this.#isReplacing) return this.append(line)
    const noted = this.#try(() => this.#write(file, Buffer.from(line))).finally(() =>
      this.#notes.delete(noted),
    )
    this.#notes.add(noted)
    return noted
  }

  /** Resolves when all of it is written, or could not be. */
  async idle(): Promise<void> {
    await Promise.all([this.#last, ...this.#notes])
  }

  async close(): Promise<void> {
    await this.idle()
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
    return { lines: [], done }
  }

  async #commit(): Promise<boolean> {
    const { lines = [] } = this.#next ?? {}
    this.#next = undefined
    const { health, shrink } = this.#options
    if (health.isPaused || (this.#isBroken && !shrink)) return false
    const isDurable = await this.#try(async () => {
      if (shrink && (this.#isBroken || this.bytes > shrink.maxBytes())) {
        await this.#replace(() => Buffer.from(shrink.snapshot().join('')))
        return
      }
      this.#file ??= await this.#open()
      await this.#write(this.#file, Buffer.from(lines.join('')))
      await this.#file.datasync()
    })
    if (isDurable) health.onSuccess()
    return isDurable
  }

  async #try(work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      this.#isBroken = true
      this.#options.health.onFailure(error)
      return false
    }
  }

  /** Where a part alone fits, the rest is tried for its error; a note could come between, so it has failed either way. */
  async #write(file: FileHandle, content: Buffer): Promise<void> {
    const { bytesWritten } = await file.write(content)
    this.bytes += bytesWritten
    if (bytesWritten === content.length) return
    await file.write(content, bytesWritten)
    throw new Error('A part alone could be written')
  }

  async #open(): Promise<FileHandle> {
    await this.#options.prepare()
    const file = await open(this.path, 'a', 0o600)
    this.bytes = (await file.stat()).size
    await syncDirectory(this.path)
    return file
  }

  /** A note that came while the file was written anew would be in the old one. */
  async #replace(snapshot: () => Buffer): Promise<void> {
    const temporary = `${this.path}.tmp`
    const old = { file: this.#file, bytes: this.bytes }
    this.#isReplacing = true
    let file: FileHandle | undefined
    try {
      await Promise.all(this.#notes)
      await this.#options.prepare()
      file = await open(temporary, 'ax', 0o600)
      this.bytes = 0
      await this.#write(file, snapshot())
      await file.datasync()
      await rename(temporary, this.path)
      await syncDirectory(this.path)
    } catch (error) {
      this.bytes = old.bytes
      await file?.close()
      await unlink(temporary).catch(() => undefined) // it may not be there
      throw error
    } finally {
      this.#isReplacing = false
    }
    this.#file = file
    this.#isBroken = false
    await old.file?.close()
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
