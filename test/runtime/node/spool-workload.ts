import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inject } from 'vitest'
import { createTestIngest, type TestIngest } from '../../../ingest/index.ts'
import { type Program, type Runtime, start } from '../../support/program.ts'

/** What all programs of the workload begin with. The API refuses batches of more than `maxEvents` with a 413. */
function prelude(apiHost: string, spool: string, { config = '', maxEvents = Infinity }: Traits): string {
  return `
    import { readdirSync, writeSync } from 'node:fs'
    import { setTimeout as sleep } from 'node:timers/promises'
    import { initGFluxServer } from '${pathToFileURL(join(inject('packageRoot'), 'dist/server.js')).href}'
    const say = (line) => { writeSync(1, line + '\\n') }
    let isFailing = false
    const warned = (message, context) => {
      isFailing = message !== 'GFlux: The spool works again'
      writeSync(2, message + ' ' + JSON.stringify(context) + '\\n')
    }
    const gflux = initGFluxServer({
      token: 'gflux_secret_x', apiHost: '${apiHost}', spool: ${JSON.stringify(spool)},
      flushAt: 10, timeoutMs: 400, maxRetries: 1, maxQueueSize: 60, handleSignals: false,
      logger: { warn: (message, context) => /spool/i.test(message) && warned(message, context) },
      fetch: async (url, init) => {
        const isTooLarge = JSON.parse(init.body).events.length > ${maxEvents}
        return isTooLarge ? new Response('{"error":"payload_too_large"}', { status: 413 }) : await fetch(url, init)
      },
      ${config}
    })`
}

/** Tracks and flushes without end. Says the uid of each event whose call has resolved. */
const tracking = `
  let count = 0
  const track = async () => {
    const uid = process.env.WORKER + '-' + count++
    const wasFailing = isFailing
    const result = await gflux.track('opened', { userId: 'user_1', properties: { uid } }).catch(() => undefined)
    if (result !== undefined) say((isFailing || wasFailing ? 'in memory ' : '') + uid)
  }
  say('ready')
  for (;;) {
    for (let burst = Math.random() * 6; burst > 0; burst--) void track()
    if (Math.random() < 0.1) gflux.flush({ ifDown: 'skip' }).catch(() => {})
    await sleep(Math.random() * 20)
  }`

/** Sends what the spool has, whoever left it, and ends. */
const recovering = `
  const isLeft = async () => {
    const names = readdirSync(${'SPOOL'}).filter((name) => name.endsWith('.log'))
    const owners = new Set(names.map((name) => name.split('.')[0]))
    const { pending } = await gflux.flush().catch(() => ({ pending: 1 }))
    return owners.size > 1 || names.length > 1 || pending > 0
  }
  await gflux.track('recovering', { userId: 'user_1' })
  while (await isLeft()) await sleep(20)
  await gflux.shutdown()`

interface Traits {
  /** Options of the client, as source. */
  readonly config?: string
  /** Events in a batch that the API does not yet find too large. */
  readonly maxEvents?: number
}

export interface Workload extends AsyncDisposable {
  readonly ingest: TestIngest
  readonly spool: string
  /** The uids of events whose call has resolved. */
  readonly acknowledged: Set<string>
  /** The uids of others, whose call has resolved while the spool was known to fail. */
  readonly volatile: Set<string>
  readonly warnings: string[]
  /** Starts a process that tracks without end. */
  readonly track: (worker: string, traits?: Traits) => Promise<Program>
  /** Kills it, and takes note of what it had said. */
  readonly kill: (program: Program) => Promise<void>
  /** Starts a process that ends when the spool is empty. */
  readonly recover: () => Promise<void>
}

export async function openWorkload(runtime: Runtime, spoolFolder?: string): Promise<Workload> {
  const ingest = createTestIngest()
  const { url, close } = await ingest.listen()
  const spool = spoolFolder ?? (await mkdtemp(join(tmpdir(), 'gflux-spool-')))
  const programs = new Set<Program>()
  const acknowledged = new Set<string>()
  const volatile = new Set<string>()
  const warnings: string[] = []
  const run = async (source: string, env: Record<string, string> = {}): Promise<Program> => {
    const program = await start(runtime, source, { env })
    programs.add(program)
    return program
  }
  const note = async (program: Program): Promise<void> => {
    const { stdout, stderr } = await program.ended
    for (const line of stdout.split('\n').slice(0, -1)) {
      const uid = line.replace('in memory ', '')
      if (uid !== 'ready') (uid === line ? acknowledged : volatile).add(uid)
    }
    for (const line of stderr.split('\n')) if (line) warnings.push(line)
    programs.delete(program)
    await program[Symbol.asyncDispose]()
  }
  return {
    ingest,
    spool,
    acknowledged,
    volatile,
    warnings,
    track: (worker, traits = {}) => run(prelude(url, spool, traits) + tracking, { WORKER: worker }),
    async kill(program) {
      program.child.kill('SIGKILL')
      await note(program)
    },
    async recover() {
      const program = await run(prelude(url, spool, {}) + recovering.replace('SPOOL', JSON.stringify(spool)))
      const { code, stderr } = await program.ended
      await note(program)
      if (code !== 0) throw new Error(`The recovery ended with ${code}:\n${stderr}`)
    },
    async [Symbol.asyncDispose]() {
      for (const program of programs) await program[Symbol.asyncDispose]()
      await close()
      if (!spoolFolder) await rm(spool, { recursive: true, force: true })
    },
  }
}

/** How often each uid is stored. */
function countStored({ events }: TestIngest): Map<string, number> {
  const stored = new Map<string, number>()
  for (const { properties } of events) {
    const uid = properties?.['uid'] as string | undefined
    if (uid !== undefined) stored.set(uid, (stored.get(uid) ?? 0) + 1)
  }
  return stored
}

export function lostOf({ acknowledged, ingest }: Workload): string[] {
  const stored = countStored(ingest)
  return [...acknowledged].filter((uid) => !stored.has(uid))
}

export function doubledOf({ ingest }: Workload): string[] {
  return [...countStored(ingest)].filter(([, times]) => times > 1).map(([uid]) => uid)
}

export async function filesLeft({ spool }: Workload, kind: string): Promise<string[]> {
  return (await readdir(spool)).filter((name) => name.endsWith(kind))
}
