import { type FileHandle, unlink } from 'node:fs/promises'
import { within } from '../shared/within.ts'
import { openForAppend, replaceFile, write } from './disk.ts'
import type { SpoolHealth } from './spool-health.ts'

/** A commit that takes longer has failed, as far as those are concerned who wait for it. */
const patienceMs = 5000
const lookMs = 500

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
  /** Of the file, and of what is to be written to it. */
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
    if (this.#isResting()) return Promise.resolve(false)
    this.#next ??= this.#schedule()
    this.#push(this.#next, line)
    return this.#next.done
  }

  /** Writes a line that nobody waits for: with a commit that is to come anyway, or by itself. */
  mention(line: string): void {
    if (this.#next) this.#push(this.#next, line)
    else void this.note(line)
  }

  /** Resolves when the line is written. It is synced with the next commit: until then it does not outlive the machine. */
  note(line: string): Promise<boolean> {
    const file = this.#file
    if (!file || this.#isBroken || this.#isReplacing) return this.append(line)
    const content = Buffer.from(line)
    this.bytes += content.length
    const noted = this.#try(() => write(file, content)).finally(() => this.#notes.delete(noted))
    this.#notes.add(noted)
    return noted
  }

  /** Syncs what is written, with a commit that is to come anyway or by one of its own. */
  sync(): void {
    if (!this.#isResting()) this.#next ??= this.#schedule()
  }

  /** Writes the file anew, if there is one, without what has become superfluous. */
  compact(): void {
    if (!this.bytes) return
    this.#isBroken = true
    this.repair()
  }

  /** Tries again what could not be written. */
  repair(): void {
    if (this.#isBroken) this.#next ??= this.#schedule()
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
    const { health } = this.#options
    const committed = this.#last.then(() => this.#commit()).finally(() => health.commits.delete(committed))
    health.commits.add(committed)
    this.#last = committed
    return { lines: [], done: this.#inTime(committed) }
  }

  /** Then what comes is missing from now on. */
  #isResting(): boolean {
    const { isPaused } = this.#options.health
    this.#isBroken ||= isPaused
    return isPaused
  }

  #push({ lines }: Commit, line: string): void {
    lines.push(line)
    this.bytes += Buffer.byteLength(line)
  }

  /** A disk that hangs, such as a network's, must hold nobody up for good. */
  async #inTime(committed: Promise<boolean>): Promise<boolean> {
    let isDurable: boolean | undefined
    // Look by look: to a process that was suspended, or busy for as long, its timers come before its disk.
    for (let ms = 0; isDurable === undefined && ms < patienceMs; ms += lookMs)
      isDurable = await within(committed, lookMs)
    if (isDurable === undefined) this.#options.health.onFailure(new Error('The disk hangs'))
    return isDurable ?? false
  }

  async #commit(): Promise<boolean> {
    const { lines = [] } = this.#next ?? {}
    this.#next = undefined
    const { health, shrink } = this.#options
    if (this.#isResting() || (this.#isBroken && !shrink)) return false
    const isDurable = await this.#try(async () => {
      if (shrink && (this.#isBroken || this.bytes > shrink.maxBytes())) {
        await this.#replace(() => Buffer.from(shrink.snapshot().join('')))
        return
      }
      this.#file ??= await this.#open()
      await write(this.#file, Buffer.from(lines.join('')))
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

  async #open(): Promise<FileHandle> {
    await this.#options.prepare()
    const { file, bytes } = await openForAppend(this.path)
    this.bytes += bytes
    return file
  }

  /** A note that came while the file was written anew would be in the old one. */
  async #replace(snapshot: () => Buffer): Promise<void> {
    const old = this.#file
    this.#isReplacing = true
    try {
      await Promise.all(this.#notes)
      await this.#options.prepare()
      let bytes = 0
      this.#file = await replaceFile(this.path, () => {
        this.#isBroken = false // unless something is missing from here on
        const content = snapshot()
        bytes = content.length
        return content
      })
      this.bytes = bytes + Buffer.byteLength(this.#next?.lines.join('') ?? '')
    } finally {
      this.#isReplacing = false
    }
    await old?.close()
  }
}
