import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread } from 'node:worker_threads'
import { countOthers, onSignals, type SignalWork } from '../shared/signals.ts'
import { within } from '../shared/within.ts'

/** What the process's end means to one client. The hooks may be those of another copy of this package. */
export interface ExitClient {
  /** Is there anything to do since the last drain? What that could not send, the next one would not either. */
  hasNews(): boolean
  /** Sends what is queued, within the budget; never rejects. An end by itself has waited for the API before. */
  drain(budgetMs: number, isOwnEnd?: boolean): Promise<void>
  /** It was drained, as far as there was time: tells the logger of what is queued, and whether the spool keeps it. */
  tell(): void
  /** It is closed, and has nothing to send. */
  isOver(): boolean
}

/**
 * What a process may take to end: less than any orchestrator grants.
 * https://docs.docker.com/reference/cli/docker/container/stop/
 */
const budgetMs = 5000
const pollMs = 250
const signals = ['SIGTERM', 'SIGINT'] as const

/** The same in every copy of this package: one set of hooks in a process, or in a worker thread. */
const registryKey: unique symbol = Symbol.for('@getfluxly/node/exit-hooks')

type Hook = 'beforeExit' | 'signals'
const globals = globalThis as { [registryKey]?: { [Name in Hook]?: Set<ExitClient> } }

/** Drains the client when the event loop has run empty, which also happens in a worker thread. */
export function drainBeforeExit(client: ExitClient): void {
  add('beforeExit', client, watchBeforeExit)
}

/** Drains the client on SIGTERM and SIGINT, which worker threads do not get. */
export function drainOnSignals(client: ExitClient): void {
  if (isMainThread) add('signals', client, watchSignals)
}

function add(hook: Hook, client: ExitClient, watch: () => Set<ExitClient>): void {
  globals[registryKey] ??= {}
  globals[registryKey][hook] ??= watch()
  const clients = globals[registryKey][hook]
  for (const other of clients) if (other.isOver()) clients.delete(other)
  clients.add(client)
}

function watchBeforeExit(): Set<ExitClient> {
  const clients = new Set<ExitClient>()
  process.on('beforeExit', async () => {
    await undefined // the application's own listeners are still to be called, and may track
    if (hasNews(clients)) await drainAll(clients, true)
  })
  // By `process.exit()`, or by an error that nobody caught: then there is no time to send.
  process.on('exit', () => {
    for (const client of clients) if (client.hasNews()) client.tell()
  })
  return clients
}

function watchSignals(): Set<ExitClient> {
  const clients = new Set<ExitClient>()
  const pending = new Set<string>()
  const work: SignalWork = {
    work: () => drainAll(clients),
    async mayEnd(signal) {
      if (!countOthers(signal)) return true
      // Not everybody who has done with SIGINT wants the process to end: it may have been for what was under way.
      if (signal === 'SIGINT' || pending.has(signal)) return false
      pending.add(signal)
      while (countOthers(signal)) await sleep(pollMs, undefined, { ref: false })
      await sleep(budgetMs, undefined, { ref: false }) // who removes a listener need not have done yet
      if (hasNews(clients)) await drainAll(clients)
      return true
    },
    abandon: () => tellAll(clients),
  }
  beforeOthers(() => onSignals(signals, work))
  return clients
}

/** Deno calls listeners in the order in which they came, whatever was prepended: so those before come anew. */
function beforeOthers(listen: () => void): void {
  const others = signals.flatMap((signal) =>
    'Deno' in globalThis
      ? process.rawListeners(signal).map((other) => [signal, other as () => void] as const)
      : [],
  )
  for (const [signal, other] of others) process.removeListener(signal, other)
  listen()
  for (const [signal, other] of others) process.on(signal, other)
}

function hasNews(clients: Set<ExitClient>): boolean {
  return [...clients].some((client) => client.hasNews())
}

async function drainAll(clients: Set<ExitClient>, isOwnEnd = false): Promise<void> {
  const drained = [...clients].map((client) => client.drain(budgetMs, isOwnEnd))
  await within(Promise.all(drained), budgetMs, true)
  tellAll(clients)
}

function tellAll(clients: Set<ExitClient>): void {
  for (const client of clients) client.tell()
}
