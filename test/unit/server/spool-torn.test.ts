import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { initGFluxServer } from '../../../adapters/node/index.ts'
import { destinationOf } from '../../../adapters/node/spool-directory.ts'
import { encodeRecord, type SpoolRecord } from '../../../adapters/node/spool-record.ts'
import { createTestIngest } from '../../../ingest/index.ts'

const TOKEN = 'gflux_secret_x'
const DEAD_OWNER = `${destinationOf({ apiHost: 'https://api.getfluxly.com', token: TOKEN })}00000000aa`
const keys = ['a', 'b', 'c'].map((name) => `${name.repeat(8)}-0000-4000-8000-000000000000`) as [
  string,
  string,
  string,
]
const [first, second, third] = keys

function event(id: number, key: string): SpoolRecord {
  const json = JSON.stringify({
    event: `e${id}`,
    external_id: 'user_1',
    timestamp: '2026-11-24T21:53:22.307Z',
    context: {},
  })
  return { kind: 'event', key, id, json }
}

const before = [event(1, first), event(2, first), event(3, second)]
/** What may have been under way when the power failed. */
const lastRecords: SpoolRecord[] = [
  event(4, third),
  { kind: 'batch', key: third, ids: [1] },
  { kind: 'attempt', key: second, attemptedAt: Date.now() },
  { kind: 'failed', key: second, attemptedAt: Date.now() },
  { kind: 'settled', key: second },
]

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'gflux-torn-'))
})
afterAll(() => rm(root, { recursive: true }))

interface Recovery {
  readonly stored: string[]
  readonly keys: (string | undefined)[]
  readonly warned: string[]
  readonly setAside: string
}

/** Starts a client on a folder where a dead process left this file, and waits until it has sent everything. */
async function recover(name: string, file: Buffer): Promise<Recovery> {
  const spool = join(root, name)
  const ingest = createTestIngest()
  const warned: string[] = []
  await mkdir(spool)
  await writeFile(join(spool, `${DEAD_OWNER}.1.log`), file)
  const gflux = initGFluxServer({
    token: TOKEN,
    fetch: ingest.fetch,
    spool,
    handleSignals: false,
    logger: { warn: (message) => warned.push(message) },
  })
  await gflux.track('started', { userId: 'user_1' })
  const logs = async (): Promise<string[]> => (await readdir(spool)).filter((each) => each.endsWith('.log'))
  await gflux.flush()
  await expect.poll(logs, { interval: 2, timeout: 10_000 }).toHaveLength(1)
  await gflux.shutdown()
  const corrupt = (await readdir(spool)).filter((each) => each.endsWith('.corrupt'))
  const setAside = await Promise.all(corrupt.map((each) => readFile(join(spool, each), 'utf8')))
  const events = ingest.events.map((each) => each.event).filter((each) => each !== 'started')
  return {
    stored: events.sort(),
    keys: ingest.requests.map(({ idempotencyKey }) => idempotencyKey),
    warned,
    setAside: setAside.join(''),
  }
}

describe('a spool whose last record is torn', () => {
  it.each(lastRecords)('$kind, at every byte: all others are sent once, under their keys', async (record) => {
    const whole = Buffer.from(before.map(encodeRecord).join(''))
    const line = Buffer.from(encodeRecord(record))
    for (let length = 0; length < line.length; length++) {
      const torn = line.subarray(0, length)

      const recovery = await recover(`${record.kind}-${length}`, Buffer.concat([whole, torn]))

      expect(recovery.stored).toEqual(['e1', 'e2', 'e3'])
      expect(recovery.keys).toEqual(expect.arrayContaining([first, second]))
      expect(recovery.setAside).toBe(torn.toString())
      expect(recovery.warned).toEqual(length ? ['GFlux: The spool was damaged: a part was set aside'] : [])
    }
  })

  it('is what it says when the record is whole', async () => {
    const file = (record: SpoolRecord): Buffer => Buffer.from([...before, record].map(encodeRecord).join(''))
    const [event4, settledSecond] = [lastRecords.at(0), lastRecords.at(-1)] as [SpoolRecord, SpoolRecord]

    expect((await recover('whole-event', file(event4))).stored).toEqual(['e1', 'e2', 'e3', 'e4'])
    expect((await recover('whole-settled', file(settledSecond))).stored).toEqual(['e1', 'e2'])
  })

  it('a folder full of garbage stops no start', async () => {
    const { stored, warned } = await recover('garbage', Buffer.from('\0\n\nnot a record\n{}\n'))

    expect(stored).toEqual([])
    expect(warned).toEqual(['GFlux: The spool was damaged: a part was set aside'])
  })
})
