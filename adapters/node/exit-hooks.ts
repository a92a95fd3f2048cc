import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread } from 'node:worker_threads'
import { countOthers, ownListeners } from '../shared/own-listeners.ts'
import { within } from '../shared/within.ts'

/** What the process's end means to one client. The hooks may be those of another copy of this package. */
export interface ExitClient {
  /** Are there events that came since the last drain? What that could not send, the next one would not either. */
  hasNews(): boolean
  /** Sends what is queued; over after the budget, and never rejects. An end by itself has waited for the API before. */
  drain(budgetMs: number, isOwnEnd?: boolean): Promise<void>
  /** Tells the logger of what is queued, and whether the spool keeps it. */
  tell(areKept?: boolean): void
  /** It is closed, and has nothing to send. */
  isOver(): boolean
}

/**
 * What a process may take to end: less than any orchestrator grants.
 * https://docs.docker.com/reference/cli/docker/container/stop/
 */
const budgetMs = 5000
const pollMs = 50

/** The same in every copy of this package: one set of hooks in a process, or in a worker thread. */
const registryKey = Symbol.for('@getfluxly/node/exit-hooks')

interface Registry {
  beforeExit?: Set<ExitClient>
  signals?: Set<ExitClient>
}

function registry(): Registry {
  const holder = globalThis as { [registryKey]?: Registry }
  holder[registryKey] ??= {}
  return holder[registryKey]
}

/** Drains the client when the event loop has run empty, which also happens in a worker thread. */
export function drainBeforeExit(client: ExitClient): void {
  const hooks = registry()
  hooks.beforeExit ??= watchBeforeExit()
  add(hooks.beforeExit, client)
}

/** Drains the client on SIGTERM and SIGINT, which worker threads do not get. */
export function drainOnSignals(client: ExitClient): void {
  if (!isMainThread) return
  const hooks = registry()
  hooks.signals ??= watchSignals()
  add(hooks.signals, client)
}

function add(clients: Set<ExitClient>, client: ExitClient): void {
  for (const other of clients) if (other.isOver()) clients.delete(other)
  clients.add(client)
}

function watchBeforeExit(): Set<ExitClient> {
  const clients = new Set<ExitClient>()
  process.on('beforeExit', async () => {
    if (hasNews(clients)) await drainAll(clients, true)
  })
  // By `process.exit()`, or by an error that nobody caught: then there is no time to send.
  process.on('exit', () => {
    for (const client of clients) if (client.hasNews()) client.tell()
  })
  return clients
}

/**
 * A listener takes the default action away, which is the process's end. So the signal is sent again after the drain, when
 * nobody else listens any more. https://nodejs.org/api/process.html#signal-events
 */
function watchSignals(): Set<ExitClient> {
  const clients = new Set<ExitClient>()
  const onSignal = async (signal: NodeJS.Signals): Promise<void> => {
    const others = countOthers(signal)
    const drained = drainAll(clients)
    await undefined // others are called with this signal yet, and must not find themselves alone
    // Who listened to one signal alone has taken the end over. Who goes later had something to do, as we have.
    const isTakenOver = countOthers(signal) < others
    // A person who presses Ctrl+C again does not want to wait.
    if (!others && signal === 'SIGINT') process.removeListener(signal, onSignal)
    await drained
    if (isTakenOver) return
    if (countOthers(signal)) {
      // Not everybody who has done with SIGINT wants the process to end: it may have been for what was under way.
      if (signal === 'SIGINT') return
      while (countOthers(signal)) await sleep(pollMs, undefined, { ref: false })
      await sleep(budgetMs, undefined, { ref: false }) // who removes a listener need not have done yet
      if (hasNews(clients)) await drainAll(clients)
    }
    process.removeListener(signal, onSignal)
    process.kill(process.pid, signal)
  }
  ownListeners().add(onSignal)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) listenFirst(signal, onSignal)
  return clients
}

/** First in line: a `once` listener before it would be gone already, and not be counted. */
function listenFirst(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => Promise<void>): void {
  // Deno calls them in the order in which they came, whatever was prepended: so those before come anew.
  const others = 'Deno' in globalThis ? process.rawListeners(signal) : []
  for (const other of others) process.removeListener(signal, other as () => void)
  process.prependListener(signal, listener)
  for (const other of others) process.on(signal, other as () => void)
}

function hasNews(clients: Set<ExitClient>): boolean {
  return [...clients].some((client) => client.hasNews())
}

function drainAll(clients: Set<ExitClient>, isOwnEnd = false): Promise<unknown> {
  const drained = [...clients].map((client) => client.drain(budgetMs, isOwnEnd))
  return within(Promise.all(drained), budgetMs, true)
}
