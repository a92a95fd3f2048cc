import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Runtime } from '../../support/program.ts'
import { seededRandom } from '../../support/random.ts'
import { findRuntimes } from './runtimes.ts'
import { doubledOf, lostOf, openWorkload } from './spool-workload.ts'

/** A file may not grow past this: as `EFBIG`, not as a signal that ends the process. */
function limitFiles({ name, program, args }: Runtime, blocks: number): Runtime {
  const script = `trap '' XFSZ; ulimit -f ${blocks}; exec "$0" "$@"`
  return { name, program: '/bin/sh', args: ['-c', script, program, ...args] }
}

interface SmallDisk extends AsyncDisposable {
  readonly folder: string
}

/** A file system of its own, which takes root. */
async function mountSmallDisk(kilobytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'gflux-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', folder])
  return {
    folder,
    async [Symbol.asyncDispose]() {
      execFileSync('umount', [folder])
      await rm(folder, { recursive: true })
    },
  }
}

const WORKERS = 4
const kills = Number(process.env['FULL_DISK_KILLS'] ?? 12)
const random = seededRandom(Number(process.env['KILL_SEED'] ?? 1))

const isRoot = process.getuid?.() === 0

describe.each(await findRuntimes())('on $name', (runtime) => {
  it('a file that may not grow: the queue goes on in memory, says so once, and loses nothing', async () => {
    await using workload = await openWorkload(limitFiles(runtime, 32))
    const { ingest, warnings } = workload
    const recoverFrom = ingest.fail({ status: 503, every: 1 })
    const program = await workload.track('only', { config: 'maxQueueSize: 1000' })
    await program.says('ready')
    await program.warns('GFlux: The spool failed')

    recoverFrom()
    const before = ingest.stats.stored
    await expect.poll(() => ingest.stats.stored, { timeout: 30_000 }).toBeGreaterThan(before + 100)
    await workload.kill(program)
    const said = [...warnings] // the next start is no better off
    await workload.recover()

    expect(doubledOf(workload)).toEqual([])
    expect(lostOf(workload)).toEqual([])
    expect(said).toHaveLength(1)
    expect(said[0]).toMatch(/EFBIG|File too large/)
  })

  if (isRoot)
    it(`a full disk under four processes and ${kills} times kill -9: what was durable is stored once`, async () => {
      await using disk = await mountSmallDisk(120)
      await using workload = await openWorkload(runtime, join(disk.folder, 'spool'))
      const { acknowledged, ingest, volatile, warnings } = workload
      for (let life = 0; life < kills / WORKERS; life++) {
        // Every third life makes room again.
        const recoverFrom = ingest.fail({ status: 503, share: life % 3 === 2 ? 0.1 : 1 })
        const programs = await Promise.all(
          Array.from({ length: WORKERS }, (_, worker) =>
            workload.track(`${worker}-${life}`, { config: 'maxQueueSize: 1000' }),
          ),
        )
        await Promise.all(programs.map((program) => program.says('ready')))
        if (life === 0)
          await Promise.race(programs.map((program) => program.warns('GFlux: The spool failed')))
        const lives = programs.map(async (program) => {
          await sleep(random() * 1000)
          await workload.kill(program)
        })
        await Promise.all(lives)
        recoverFrom()
      }
      await workload.recover()

      console.log(
        `${runtime.name}, a full disk: ${kills} kills, ${acknowledged.size} events acknowledged as durable,`,
        `${volatile.size} in memory alone, ${ingest.stats.stored} stored,`,
        `${lostOf(workload).length} lost, ${doubledOf(workload).length} doubled`,
      )
      expect(doubledOf(workload)).toEqual([])
      expect(lostOf(workload)).toEqual([])
      expect(volatile.size).toBeGreaterThan(0)
      expect(warnings.some((line) => line.includes('ENOSPC'))).toBe(true)
    })
})
