import {
  copyFile,
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type GFluxServerConfig, initGFluxServer } from '../../../adapters/node/index.ts'
import { destinationOf } from '../../../adapters/node/spool-directory.ts'
import { createTestIngest, type TestIngest } from '../../../ingest/index.ts'
import type { GFluxNode } from '../../../src/index.ts'
import { run } from '../../support/child.ts'
import { errorOf } from '../../support/client.ts'

let spool: string
let ingest: TestIngest
let warned: string[]
const clients: GFluxNode[] = []

beforeEach(async () => {
  spool = await mkdtemp(join(tmpdir(), 'gflux-spool-'))
  ingest = createTestIngest()
  warned = []
})
afterEach(async () => {
  ingest.reset()
  for (const client of clients.splice(0)) await client.shutdown({ timeoutMs: 1000 }).catch(() => undefined)
  await rm(spool, { recursive: true, force: true, maxRetries: 9 })
})

function open(config: Partial<GFluxServerConfig> = {}): GFluxNode {
  const gflux = initGFluxServer({
    token: 'gflux_secret_x',
    fetch: ingest.fetch,
    spool,
    handleSignals: false,
    flushAt: 1000,
    maxRetries: 0,
    logger: { warn: (message) => warned.push(message) },
    ...config,
  })
  clients.push(gflux)
  return gflux
}

/** Leaves in the spool what a process would that was killed. */
async function leave(
  count: number,
  { isTried = false, ...config }: Partial<GFluxServerConfig> & { isTried?: boolean } = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gflux-left-'))
  const down = createTestIngest()
  down.fail({ status: 503, every: 1 })
  const gflux = open({ ...config, spool: folder, fetch: down.fetch, logger: undefined })
  await trackMany(gflux, count)
  if (isTried) await gflux.flush().catch(() => undefined)
  await copyLogs(folder)
  down.reset()
  await gflux.shutdown()
  await rm(folder, { recursive: true })
}

/** As a process leaves them in the spool that is killed now. */
async function copyLogs(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter((each) => each.endsWith('.log')))
    await copyFile(join(folder, name), join(spool, name))
}

function trackMany(gflux: GFluxNode, count: number, from = 0): Promise<unknown[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) =>
      gflux.track('opened', { userId: 'user_1', properties: { n: from + n } }),
    ),
  )
}

async function contentOf(kind: RegExp): Promise<string> {
  const names = (await readdir(spool)).filter((name) => kind.test(name))
  return (await Promise.all(names.map((name) => readFile(join(spool, name), 'utf8')))).join('')
}

/** Runs it whenever a file of this process has been synced. */
async function afterEachSync(callback: () => Promise<void>): Promise<Disposable> {
  const file = await openFile(join(spool, 'any'), 'w')
  const prototype = Object.getPrototypeOf(file)
  await file.close()
  const { datasync } = prototype
  prototype.datasync = async function () {
    await datasync.call(this)
    await callback()
  }
  return {
    [Symbol.dispose]() {
      prototype.datasync = datasync
    },
  }
}

function numbersOf({ events }: TestIngest): number[] {
  return events.map(({ properties }) => Number(properties?.['n'])).sort((a, b) => a - b)
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

describe('a spool', () => {
  it('has an event when its track() has resolved, and is for its owner alone', async () => {
    const gflux = open()

    await trackMany(gflux, 3)

    expect(
      (await contentOf(/\.log$/)).match(/^[\da-f]{8} event \S+ \d+ \{"event":"opened".*\}$/gm),
    ).toHaveLength(3)
    for (const name of (await readdir(spool)).filter((each) => each.endsWith('.log')))
      expect((await stat(join(spool, name))).mode & 0o077).toBe(0)
  })

  it('sends events under the keys that it has for them', async () => {
    const gflux = open()
    await trackMany(gflux, 120)
    const keys = new Set((await contentOf(/\.log$/)).match(/(?<=event )\S+/g))

    await gflux.flush()

    // Several are under way at once, in any order.
    expect(ingest.requests.map(({ idempotencyKey }) => idempotencyKey).sort()).toEqual([...keys].sort())
    expect(numbersOf(ingest)).toEqual(upTo(120))
  })

  it('syncs an attempt while its request is under way: the power may fail for more than a day', async () => {
    let synced = ''
    using _datasync = await afterEachSync(async () => {
      synced = await contentOf(/\.log$/)
    })
    ingest.fail({ hang: true })
    const gflux = open({ timeoutMs: 2000 })
    await trackMany(gflux, 3)

    const flushed = gflux.flush().catch(() => undefined)
    await expect.poll(() => synced, { timeout: 1500 }).toMatch(/ attempt /)
    await flushed
  })

  it('waits for the API all the same where each event is sent by itself', async () => {
    const gflux = open({ flushAt: 1 })

    const result = await gflux.track('opened', { userId: 'user_1' })
    ingest.fail({ status: 400 })
    const refused = await errorOf(() => gflux.track('opened', { userId: 'user_1' }))

    expect(result).toMatchObject({ accepted: 1 })
    expect(refused).toMatchObject({ code: 'http_4xx', status: 400 })
  })

  it('has an event when its track() has resolved, also where each is sent by itself and the API is down', async () => {
    const gflux = open({ flushAt: 1 })
    ingest.fail({ status: 503, every: 1 })

    for (let n = 0; n < 5; n++) {
      await trackMany(gflux, 1, n).catch(() => undefined)
      expect(await contentOf(/\.log$/)).toContain(`"n":${n}`)
    }
  })

  it('forgets what is settled, and stays small', async () => {
    const gflux = open({ maxSpoolBytes: 40_000 })

    for (let round = 0; round < 30; round++) {
      await trackMany(gflux, 40, round * 40)
      await gflux.flush()
    }

    expect(numbersOf(ingest)).toEqual(upTo(1200))
    expect((await contentOf(/\.log$/)).length).toBeLessThan(40_000)
    expect(warned).toEqual([])
  })

  it('takes what is tracked while the queue is full, and brings it back', async () => {
    const gflux = open({ maxQueueSize: 100 })
    const recoverFrom = ingest.fail({ status: 503, every: 1 })
    await Promise.allSettled(Array.from({ length: 3000 }, (_, n) => trackMany(gflux, 1, n)))
    const inSpool = (await contentOf(/\.log$/)).match(/^\S+ event /gm)?.length

    recoverFrom()
    await gflux.flush().catch(() => undefined)

    await expect.poll(() => ingest.events.length, { timeout: 15_000 }).toBe(3000)
    expect(inSpool).toBe(3000)
    expect(numbersOf(ingest)).toEqual(upTo(3000))
    const logs = async (): Promise<string[]> => (await readdir(spool)).filter((name) => name.endsWith('.log'))
    await expect.poll(logs).toHaveLength(1)
  })

  it('is bounded in bytes: then events are in memory alone, and then refused', async () => {
    const gflux = open({ maxQueueSize: 100, maxSpoolBytes: 10_000 })
    ingest.fail({ status: 503, every: 1 })

    const calls = await Promise.allSettled(Array.from({ length: 250 }, () => trackMany(gflux, 1)))

    const refused = calls.filter(
      (call) => call.status === 'rejected' && call.reason.code === 'queue_overflow',
    )
    expect((await contentOf(/\.log$/)).length).toBeLessThan(12_000)
    expect(refused.length).toBeGreaterThanOrEqual(150)
    expect(refused[0]).toMatchObject({ reason: { retryable: true, retryAfterMs: expect.any(Number) } })
    expect(warned.filter((message) => message === 'GFlux: The spool is full')).toHaveLength(1)
  })

  it('shares no key with what it has no room for', async () => {
    const gflux = open({ maxSpoolBytes: 20_000 })
    const padding = 'x'.repeat(25_000)
    for (const properties of [{}, { padding }, { padding }, {}])
      await gflux.track('opened', { userId: 'user_1', properties })
    const keys = (await contentOf(/\.log$/)).match(/(?<=event )\S+/g)

    await gflux.flush()

    const batches = ingest.requests.map(({ idempotencyKey, events }) => [idempotencyKey, events.length])
    expect(batches.sort(([, a], [, b]) => Number(a) - Number(b))).toEqual([
      [keys?.[0], 1],
      [keys?.[1], 1],
      [expect.any(String), 2],
    ])
  })

  it('is bounded in bytes for all who share it', async () => {
    const maxSpoolBytes = 100_000
    ingest.fail({ status: 503, every: 1 })
    const sharing = Array.from({ length: 4 }, () => open({ maxQueueSize: 20, maxSpoolBytes }))

    await Promise.all(
      sharing.map(async (gflux) => {
        for (let n = 0; n < 400; n++) {
          await trackMany(gflux, 2).catch(() => undefined)
          await sleep(2)
        }
      }),
    )

    expect((await contentOf(/\.log$/)).length).toBeLessThan(2 * maxSpoolBytes)
    ingest.reset()
    for (const gflux of sharing) await gflux.shutdown().catch(() => undefined)
    await expect.poll(() => readdir(spool), { timeout: 15_000 }).toEqual([])
  })

  it('that can’t be made leaves events in memory, and says so once', async () => {
    await writeFile(join(spool, 'file'), '')
    const gflux = open({ spool: join(spool, 'file') })

    await trackMany(gflux, 3)
    await trackMany(gflux, 3, 3)
    await gflux.flush()

    expect(numbersOf(ingest)).toEqual(upTo(6))
    expect(warned).toEqual(['GFlux: The spool failed: events are in memory alone'])
  })

  it('is refused where its path is too long for a socket, which tells lengths alone', async () => {
    const error = await errorOf(() => open({ spool: join(spool, 'x'.repeat(120)) }))

    expect(error).toMatchObject({ code: 'validation_error' })
    expect(error.message).toBe(
      `Expected \`spool\` to be a folder whose absolute path has at most 77 bytes, got ${spool.length + 121} bytes`,
    )
  })

  it('may have a path that is long, but short from the working directory', async () => {
    const long = join(process.cwd(), 'node_modules', ...'x'.repeat(30).split(''))
    const gflux = open({ spool: long })

    await trackMany(gflux, 1)

    expect(await readdir(long)).toHaveLength(2)
    expect(warned).toEqual([])
    await gflux.shutdown()
    await rm(join(process.cwd(), 'node_modules/x'), { recursive: true })
  })

  it('of a client that is closed goes on until what it took while the queue was full is sent', async () => {
    const gflux = open({ maxQueueSize: 100 })
    const recoverFrom = ingest.fail({ status: 503, every: 1 })
    await Promise.all(Array.from({ length: 1000 }, (_, n) => trackMany(gflux, 1, n)))
    recoverFrom()

    await gflux.shutdown()

    await expect.poll(() => ingest.events.length, { timeout: 15_000 }).toBe(1000)
    expect(numbersOf(ingest)).toEqual(upTo(1000))
    await expect.poll(() => readdir(spool), { timeout: 15_000 }).toEqual([])
  })

  it.each([
    ['a client', (gflux: GFluxNode) => gflux],
    ['a client by its with()', (gflux: GFluxNode) => gflux.with({ userId: 'user_2' })],
  ])('of %s that is closed and empty is gone: the process may end at once', async (_, closing) => {
    const gflux = open()
    await trackMany(gflux, 3)

    await closing(gflux).shutdown()

    expect(await readdir(spool)).toEqual([])
  })

  it('of a client that has nothing to send has soon nothing of what was sent', async () => {
    const gflux = open()
    await trackMany(gflux, 3)

    await gflux.flush()

    await expect.poll(() => contentOf(/\.log$/), { timeout: 15_000 }).toBe('')
    await trackMany(gflux, 1, 3)
    expect(await contentOf(/\.log$/)).toContain('"n":3')
  })

  it('does not take a process that was busy for a disk that hangs', async () => {
    const gflux = open()
    await trackMany(gflux, 1)
    const pending = trackMany(gflux, 1, 1)
    await setImmediate()

    const busyUntil = Date.now() + 5500
    while (Date.now() < busyUntil); // the commit is under way
    await pending
    await trackMany(gflux, 1, 2)

    expect((await contentOf(/\.log$/)).match(/"n":\d/g)).toEqual(['"n":0', '"n":1', '"n":2'])
    expect(warned).toEqual([])
  })

  it('keeps few files open, however many an outage leaves', async () => {
    const countOpen = async (): Promise<number> => (await readdir('/dev/fd')).length
    const gflux = open({ maxQueueSize: 4 })
    ingest.fail({ status: 503, every: 1 })
    await trackMany(gflux, 10)
    const before = await countOpen()

    for (let round = 0; round < 20; round++) await trackMany(gflux, 20)

    expect((await readdir(spool)).length).toBeGreaterThan(200)
    await expect.poll(countOpen).toBeLessThan(before + 20)
  })

  it('is shared: no client touches what another one owns that lives', async () => {
    const recoverFrom = ingest.fail({ status: 503, every: 1 })
    const first = open()
    const second = open()
    await trackMany(first, 5)
    await trackMany(second, 5, 5)
    await Promise.allSettled([first.flush(), second.flush()])
    recoverFrom()

    const third = open()
    await trackMany(third, 1, 10)
    const { accepted } = await third.flush()
    const results = [await first.flush(), await second.flush()]

    expect(accepted).toBe(1)
    expect(results).toMatchObject([{ accepted: 5 }, { accepted: 5 }])
    expect(numbersOf(ingest)).toEqual(upTo(11))
  })

  it('sends nothing under another token or to another host: that stays, and is told once', async () => {
    await leave(3, { token: 'gflux_secret_other' })
    await leave(3, { apiHost: 'http://localhost:8080' })
    const gflux = open()

    await trackMany(gflux, 1)
    await gflux.flush()
    open()
    await expect
      .poll(() => warned)
      .toEqual(Array(2).fill('GFlux: The spool has events for another token or apiHost'))

    expect(ingest.events).toHaveLength(1)
    expect((await contentOf(/\.log$/)).match(/^\S+ event /gm)?.length).toBeGreaterThanOrEqual(6)
    expect((await readdir(spool)).join()).not.toContain('secret')
  })

  it('sends what is left for it beside others', async () => {
    await leave(3, { token: 'gflux_secret_other' })
    await leave(4)
    open({ flushIntervalMs: 50 })

    await expect.poll(() => numbersOf(ingest)).toEqual(upTo(4))
  })

  it('sends what the API has certainly not stored, however old it is', async () => {
    await leave(3, { isTried: true })
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 3_600_000 })
    open()

    await expect.poll(() => numbersOf(ingest)).toEqual(upTo(3))
    vi.useRealTimers()
  })

  it('sends what was attempted while its process had a clock that was set back before', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
    const folder = await mkdtemp(join(tmpdir(), 'gflux-left-'))
    const down = createTestIngest()
    const gflux = open({ spool: folder, fetch: down.fetch, timeoutMs: 100, logger: undefined })
    await trackMany(gflux, 1)
    vi.useRealTimers()
    await trackMany(gflux, 2, 1)
    down.fail({ hang: true, every: 1 })
    await gflux.flush().catch(() => undefined)
    await copyLogs(folder)
    open()

    await expect.poll(() => numbersOf(ingest)).toEqual(upTo(3))
    down.reset()
    await gflux.shutdown()
    await rm(folder, { recursive: true })
  })

  it('leaves alone what has the name of a file of its own and is none', async () => {
    const odd = ['1.log', '2.log', '3.log'].map((name) => {
      const destination = destinationOf({ apiHost: 'https://api.getfluxly.com', token: 'gflux_secret_x' })
      return join(spool, `${destination}00000000aa.${name}`)
    }) as [string, string, string]
    await mkdir(odd[0])
    await symlink('/etc/hostname', odd[1])
    await run('mkfifo', [odd[2]])
    await leave(3)
    open()

    await expect.poll(() => numbersOf(ingest)).toEqual(upTo(3))
    expect(await readdir(spool)).toEqual(expect.arrayContaining(odd.map((path) => basename(path))))
    expect(warned).toEqual([])
  })

  it('that is deleted meanwhile is made again', async () => {
    ingest.fail({ status: 503, every: 1 })
    const gflux = open()
    await trackMany(gflux, 3)
    await rm(spool, { recursive: true })

    const events = async (): Promise<number | undefined> =>
      (await contentOf(/\.log$/).catch(() => '')).match(/^\S+ event /gm)?.length
    await expect.poll(events, { timeout: 15_000 }).toBe(3)
    await trackMany(gflux, 2, 3)

    expect(await events()).toBe(5)
    expect(warned.filter((message) => /spool/i.test(message))).toEqual([])
  })

  it('counts what is there for others', async () => {
    await leave(20, { token: 'gflux_secret_other' })
    const gflux = open({ maxSpoolBytes: 3000 })
    await expect.poll(() => warned).toHaveLength(1)

    await trackMany(gflux, 1)

    expect(warned).toContain('GFlux: The spool is full')
  })

  it('that failed is tried again in time where the clock is set back', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const file = join(spool, 'file')
    await writeFile(file, '')
    const gflux = open({ spool: file })
    await trackMany(gflux, 1)
    await rm(file)

    vi.setSystemTime(Date.now() - 3_600_000)
    await trackMany(gflux, 1)
    vi.setSystemTime(Date.now() + 12_000)
    await trackMany(gflux, 1)
    vi.useRealTimers()

    expect(warned).toEqual([
      'GFlux: The spool failed: events are in memory alone',
      'GFlux: The spool works again',
    ])
  })

  it.each([{ spool: '' }, { spool: 7 }, { maxSpoolBytes: 0 }, { maxSpoolBytes: 1.5 }])(
    'refuses %j at once, naming the option',
    async (config) => {
      const error = await errorOf(() => open(config as never))

      expect(error.code).toBe('validation_error')
      expect(error.message).toContain(`\`${Object.keys(config)[0]}\``)
    },
  )
})
