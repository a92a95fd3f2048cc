import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Delivery } from '../../src/adapter.ts'
import { isOwnerAlive, listenAsOwner, type Owner } from './spool-owner.ts'

/** `<owner>.<number>.log`, and `.corrupt` for what could not be read; `<owner>.sock` while the owner lives. */
const fileName = /^([\da-f]{16})\.(?:sock$|\d+\.(?:log|log\.tmp|corrupt)$)/

/** Digits of an owner's id that stand for where its events go. */
const destinationDigits = 6
/** What others hold is counted again no sooner, and takes a fifth of the time at most. */
const recountMs = 100

interface OthersFile {
  readonly name: string
  readonly owner: string
  readonly path: string
  readonly isFile: boolean
}

/** Another project's events, or those of a development's API, must not go where these go. Tells nothing of the token. */
export function destinationOf({ apiHost, token }: { apiHost: string; token: string }): string {
  return createHash('sha256').update(`${apiHost} ${token}`).digest('hex').slice(0, destinationDigits)
}

/** A directory that any number of processes share. Each file has one owner, by its name, and only that one touches it. */
export class SpoolDirectory {
  /** Bytes of files that are not this owner's, when they were counted last. */
  otherBytes = 0
  readonly path: string
  readonly #log: Delivery['log']
  readonly #now: Delivery['now']
  readonly #onLost: () => void
  readonly #destination: string
  readonly #id: string
  readonly #told = new Set<string>()
  #files = 0
  #countAgainAt = 0
  #prepared: Promise<void> | undefined
  #owner: Owner | undefined

  /** @param onLost called where the directory was deleted, and is there again */
  constructor(
    path: string,
    { config, log, now }: Pick<Delivery, 'config' | 'log' | 'now'>,
    onLost: () => void,
  ) {
    this.path = path
    this.#log = log
    this.#now = now
    this.#onLost = onLost
    this.#destination = destinationOf(config)
    this.#id = this.#destination + randomBytes(5).toString('hex')
  }

  newPath(kind: 'log' | 'corrupt' = 'log'): string {
    return join(this.path, `${this.#id}.${++this.#files}.${kind}`)
  }

  /** Makes the directory, and this an owner. */
  prepare(): Promise<void> {
    this.#prepared ??= this.#prepare().finally(() => {
      this.#prepared = undefined
    })
    return this.#prepared
  }

  /** Takes the logs of owners that are dead and had the same destination. Where several try, one gets each. */
  async takeOrphans(): Promise<string[]> {
    await this.prepare()
    const taken: string[] = []
    const alive = new Map<string, boolean | undefined>()
    for (const file of await this.#others()) {
      const { name, owner, path } = file
      if (!alive.has(owner)) alive.set(owner, await isOwnerAlive(this.path, owner))
      const isAlive = alive.get(owner)
      if (name.endsWith('.log')) taken.push(...(await this.#takeLog(file, isAlive)))
      else if (isAlive === false && !name.endsWith('.corrupt')) await unlink(path).catch(() => undefined)
    }
    await this.#count()
    return taken
  }

  /** Others write as well: their bytes are counted again from time to time. */
  recount(): void {
    const startedAt = this.#now()
    if (startedAt < this.#countAgainAt) return
    this.#countAgainAt = Infinity
    void this.#count()
      .catch(() => undefined) // a folder that can't be read fails where it is written
      .finally(() => {
        const now = this.#now()
        this.#countAgainAt = now + Math.max(recountMs, 4 * (now - startedAt))
      })
  }

  /** Whatever is left here is an orphan from now on. */
  async release(): Promise<void> {
    await this.#owner?.end()
    this.#owner = undefined
  }

  async #others(): Promise<OthersFile[]> {
    const entries = await readdir(this.path, { withFileTypes: true })
    return entries.sort(byNumber).flatMap((entry) => {
      const { name } = entry
      const [, owner] = fileName.exec(name) ?? []
      const isOthers = owner && owner !== this.#id
      return isOthers ? [{ name, owner, path: join(this.path, name), isFile: entry.isFile() }] : []
    })
  }

  /** @param isAlive undefined where that can't be told */
  async #takeLog({ owner, path, isFile }: OthersFile, isAlive: boolean | undefined): Promise<string[]> {
    if (isAlive || !isFile) return []
    if (isAlive === undefined)
      this.#tellOnce('The spool has files of another user: whether they are left over can’t be told')
    else if (owner.startsWith(this.#destination)) return await this.#take(path)
    else if (await sizeOf(path)) this.#tellOnce('The spool has events for another token or apiHost')
    return []
  }

  /** Nothing where another process was first. */
  async #take(path: string): Promise<string[]> {
    const mine = this.newPath()
    return await rename(path, mine).then(
      () => [mine],
      () => [],
    )
  }

  async #count(): Promise<void> {
    const sizes = await Promise.all((await this.#others()).map(({ path }) => sizeOf(path)))
    this.otherBytes = sizes.reduce((sum, bytes) => sum + bytes, 0)
  }

  #tellOnce(message: string): void {
    if (!this.#told.has(message)) this.#log.warn(message)
    this.#told.add(message)
  }

  async #prepare(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 })
    if (this.#owner && (await isOwnerAlive(this.path, this.#id)) === false) {
      await this.release()
      this.#onLost()
    }
    this.#owner ??= await listenAsOwner(this.path, this.#id)
  }
}

/** Old files first. */
function byNumber(a: { name: string }, b: { name: string }): number {
  const [first = 0, second = 0] = [a, b].map(({ name }) => Number.parseInt(name.split('.')[1] ?? '', 10) || 0)
  return first - second
}

/** 0 for what is gone. */
export async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}
