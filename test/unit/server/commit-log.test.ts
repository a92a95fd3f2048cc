import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CommitLog } from '../../../adapters/node/commit-log.ts'
import { SpoolHealth } from '../../../adapters/node/spool-health.ts'
import { createLog } from '../../../src/log.ts'

const prepare = (): Promise<void> => Promise.resolve()
const full = Object.assign(new Error('No space left on device'), { code: 'ENOSPC' })

let folder: string
let warned: string[]
let health: SpoolHealth

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  folder = await mkdtemp(join(tmpdir(), 'gflux-log-'))
  warned = []
  health = new SpoolHealth({
    log: createLog({ warn: (message) => warned.push(message) }, Date.now),
    now: Date.now,
  })
})
afterEach(async () => {
  vi.useRealTimers()
  await rm(folder, { recursive: true })
})

function wait(ms: number): void {
  vi.setSystemTime(Date.now() + ms)
}

const failed = 'GFlux: The spool failed: events are in memory alone'
const recovered = 'GFlux: The spool works again'

/** A file whose events are those in `live`. */
function open(name: string, live: string[] = []): CommitLog {
  const shrink = { snapshot: () => live, maxBytes: () => 1000 }
  return new CommitLog(join(folder, name), { prepare, health, shrink })
}

describe('files that share a disk', () => {
  it('a commit that was under way when another one failed is no sign that the disk is well', async () => {
    const log = open('1.log')
    const isDurable = log.append('a\n')
    await Promise.resolve()
    health.onFailure(full)
    expect(await isDurable).toBe(true)
    expect(health.isWorking).toBe(false)

    wait(12_000)
    expect(await log.append('b\n')).toBe(true)
    expect(health.isWorking).toBe(true)
    expect(warned).toEqual([failed, recovered])
    await log.close()
  })

  it('a note is none either: it is not synced', async () => {
    const log = open('1.log')
    await log.append('a\n')
    health.onFailure(full)
    wait(12_000)
    expect(await log.note('b\n')).toBe(true)
    expect(health.isWorking).toBe(false)

    expect(await log.append('c\n')).toBe(true)
    expect(health.isWorking).toBe(true)
    expect(await readFile(log.path, 'utf8')).toBe('a\nb\nc\n')
    await log.close()
  })

  it('what came while the disk rested is written afterwards, in each of them', async () => {
    const log = open('1.log', ['a\n', 'b\n'])
    await log.append('a\n')
    health.onFailure(full)
    expect(await log.append('b\n')).toBe(false)
    expect(await readFile(log.path, 'utf8')).toBe('a\n')

    wait(12_000)
    log.repair()
    await log.idle()
    expect(await readFile(log.path, 'utf8')).toBe('a\nb\n')
    expect(log.bytes).toBe(4)
    expect(health.isWorking).toBe(true)
    await log.close()
  })

  it('what came while another one failed and it was written anew is not missed for good', async () => {
    const live = ['a\n']
    const log = open('1.log', live)
    health.onFailure(full)
    await log.append('a\n')
    wait(12_000)
    const isDurable = log.append('a\n')
    while (!(await readdir(folder)).includes('1.log.tmp')) await setImmediate()
    health.onFailure(full)
    live.push('b\n')
    expect(await log.append('b\n')).toBe(false)
    await isDurable

    wait(12_000)
    log.repair()
    await log.idle()
    expect(await readFile(log.path, 'utf8')).toBe('a\nb\n')
    await log.close()
  })

  it('a disk that is full again right after is told again', async () => {
    const log = open('1.log')
    health.onFailure(full)
    expect(await log.append('a\n')).toBe(false)
    wait(12_000)
    expect(await log.append('b\n')).toBe(true)
    health.onFailure(full)
    expect(warned).toEqual([failed, recovered, failed])
    await log.close()
  })

  it('one that takes nothing says so once', async () => {
    const log = open(join('gone', '1.log'))
    expect(await log.append('a\n')).toBe(false)
    expect(await log.append('b\n')).toBe(false)
    expect(warned).toEqual([failed])
    await log.close()
  })

  it('one that hangs holds nobody up for good', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })
    const log = new CommitLog(join(folder, '1.log'), { prepare: () => new Promise(() => undefined), health })
    const isDurable = log.append('a\n')
    await vi.advanceTimersByTimeAsync(5000)
    expect(await isDurable).toBe(false)
    expect(warned).toEqual([failed])
  })
})

describe('a file’s bytes', () => {
  it('are known before they are written, and still right when it was written anew', async () => {
    const log = open('1.log', ['a\n'])
    const line = `${'x'.repeat(600)}\n`
    const isDurable = log.append(line)
    expect(log.bytes).toBe(601)
    await isDurable
    await log.append(line)
    expect(log.bytes).toBe(2)
    expect(await readFile(log.path, 'utf8')).toBe('a\n')
    await log.close()
  })
})
