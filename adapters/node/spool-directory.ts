import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isOwnerAlive, listenAsOwner, type Owner } from './spool-owner.ts'

/** `<owner>.<number>.log`, and `.corrupt` for what could not be read; `<owner>.sock` while the owner lives. */
const fileName = /^([\da-f]{16})\.(?:sock$|\d+\.(?:log|log\.tmp|corrupt)$)/

/** A directory that any number of processes share. Each file has one owner, by its name, and only that one touches it. */
export class SpoolDirectory {
  /** Bytes of files that are not this owner's, when they were counted last. */
  otherBytes = 0
  readonly path: string
  readonly #id: string = randomBytes(8).toString('hex')
  #files = 0
  #prepared: Promise<void> | undefined
  #owner: Owner | undefined

  constructor(path: string) {
    this.path = path
  }

  newPath(kind: 'log' | 'corrupt' = 'log'): string {
    return join(this.path, `${this.#id}.${++this.#files}.${kind}`)
  }

  /** Makes the directory, and this an owner. */
  prepare(): Promise<void> {
    this.#prepared ??= this.#prepare().catch((error) => {
      this.#prepared = undefined
      throw error
    })
    return this.#prepared
  }

  /** Takes the logs of owners that are dead. Where several try, one gets each. */
  async takeOrphans(): Promise<string[]> {
    await this.prepare()
    const taken: string[] = []
    const alive = new Map<string, boolean>()
    let otherBytes = 0
    for (const name of (await readdir(this.path)).sort(byNumber)) {
      const [, owner] = fileName.exec(name) ?? []
      if (!owner || owner === this.#id) continue
      const path = join(this.path, name)
      if (!alive.has(owner)) alive.set(owner, await isOwnerAlive(this.path, owner))
      const isOrphan = !alive.get(owner)
      if (isOrphan && name.endsWith('.log')) {
        const mine = this.newPath()
        const isMine = await rename(path, mine).then(
          () => true,
          () => false, // another process was first
        )
        if (isMine) taken.push(mine)
      } else if (isOrphan && !name.endsWith('.corrupt')) await unlink(path).catch(() => undefined)
      else otherBytes += await sizeOf(path)
    }
    this.otherBytes = otherBytes
    return taken
  }

  /** Whatever is left here is an orphan from now on. */
  async release(): Promise<void> {
    await this.#owner?.end()
    this.#owner = undefined
    this.#prepared = undefined
  }

  async #prepare(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 })
    this.#owner ??= await listenAsOwner(this.path, this.#id)
  }
}

/** Old files first. */
function byNumber(a: string, b: string): number {
  const [first = 0, second = 0] = [a, b].map((name) => Number.parseInt(name.split('.')[1] ?? '', 10) || 0)
  return first - second
}

/** 0 for what is gone. */
export async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}
