import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../support/random.ts'
import { findRuntimes } from './runtimes.ts'
import { doubledOf, filesLeft, lostOf, openWorkload, type Workload } from './spool-workload.ts'

const WORKERS = 4
const seed = Number(process.env['KILL_SEED'] ?? 1)
const kills = Number(process.env['KILLS'] ?? 20)
const MAX_LIFE_MS = 1000

/** Starts a process, kills it at some moment, and starts the next one. */
async function work(workload: Workload, worker: number, lives: number): Promise<void> {
  const random = seededRandom(seed * 1000 + worker)
  for (let life = 0; life < lives; life++) {
    const program = await workload.track(`${worker}-${life}`, { maxEvents: 7 })
    const isEarly = random() < 0.15 // while it starts, or takes over what others left
    if (!isEarly) await program.says('ready')
    await sleep(random() * MAX_LIFE_MS)
    await workload.kill(program)
  }
}

describe.each(await findRuntimes())('on $name', (runtime) => {
  it(`every event whose track() resolved is stored once, after ${kills} times kill -9, with KILL_SEED=${seed}`, async () => {
    await using workload = await openWorkload(runtime)
    const { acknowledged, ingest, warnings } = workload
    const failures = [
      ingest.fail({ hang: true, share: 0.03 }),
      ingest.fail({ status: 503, share: 0.2 }),
      ingest.fail({ reset: 'after', share: 0.1 }),
      ingest.fail({ delayMs: 30, share: 0.5 }),
    ]

    await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(workload, worker, kills / WORKERS)))
    for (const recoverFrom of failures) recoverFrom()
    const storedBefore = ingest.stats.stored
    await workload.recover()

    const { stored, replays, requests } = ingest.stats
    console.log(
      `${runtime.name}: ${kills} kills, ${acknowledged.size} events acknowledged, ${stored} stored`,
      `(${stored - storedBefore} after the next start), ${requests} requests, ${replays} replays,`,
      `${lostOf(workload).length} lost, ${doubledOf(workload).length} doubled`,
    )
    expect(acknowledged.size).toBeGreaterThan(kills)
    expect(lostOf(workload)).toEqual([])
    expect(doubledOf(workload)).toEqual([])
    expect(ingest.stats).toMatchObject({ keyConflicts: 0, rejected: 0 })
    expect(warnings.filter((line) => !line.includes('damaged'))).toEqual([])
    expect(await filesLeft(workload, '.log')).toEqual([])
  })
})
