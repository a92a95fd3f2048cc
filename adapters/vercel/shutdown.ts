import { deliveryOf } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { ClientSet } from '../shared/client-set.ts'
import { drainClients, tellUnsent } from '../shared/drain-clients.ts'
import { onSignals } from '../shared/signals.ts'
import { within } from '../shared/within.ts'
import { now } from './outside-next.ts'
import { env, globals, isSelfHostedEdge, isServerless } from './platform.ts'

/** Of the 500 ms that Vercel gives. https://vercel.com/docs/functions/functions-api-reference#sigterm-signal */
const serverlessWindowMs = 400
/** Half of the 10 s that Cloud Run gives, the shortest of what processes of their own get. */
const serverWindowMs = 5_000

/** For what the last response left, however late that ended. */
const lastWindowMs = 1_000

function windowMs(): number {
  return isServerless() ? serverlessWindowMs : serverWindowMs
}

/** What the end of this process waits for. */
interface Shutdown {
  readonly clients: Pick<ClientSet, 'add' | 'alive'>
  /** Work in the background; none of it rejects. */
  readonly work: Set<Promise<unknown>>
  /** What ends the waiting of lifetimes. */
  readonly releases: Set<() => void>
  /** When the process ends, in milliseconds since the epoch, once it was told so. */
  endsAt: number | undefined
}

const key: unique symbol = Symbol.for('@getfluxly/node/vercel-shutdown')
const shared = globalThis as { [key]?: Shutdown }

/** SIGTERM and SIGINT flush what the client still has queued. */
export function flushAtShutdown(gflux: Flushable): void {
  shutdown().clients.add(gflux)
}

/** SIGTERM and SIGINT wait for this work. */
export function holdShutdown(work: Promise<unknown>): void {
  const { work: all } = shutdown()
  const done: Promise<unknown> = work.catch(() => undefined).then(() => all.delete(done))
  all.add(done)
}

/** Work as a lifetime gets it, which may keep the process: from the signal on it settles within the time that is left. */
export function untilShutdown(work: Promise<unknown>): Promise<unknown> {
  const { endsAt, releases } = shutdown()
  if (endsAt !== undefined) return within(work, Math.max(0, endsAt - now()), true)
  // The signal may come at once, and nobody will tell.
  if (isSelfHostedEdge()) return within(work, serverWindowMs, true)
  return new Promise((resolve) => {
    const release = (): void => {
      releases.delete(release)
      resolve(undefined)
    }
    releases.add(release)
    work.then(release, release)
  })
}

/** One for all copies of this package in the process. */
function shutdown(): Shutdown {
  if (shared[key]) return shared[key]
  const created: Shutdown = {
    clients: new ClientSet(),
    work: new Set(),
    releases: new Set(),
    endsAt: undefined,
  }
  shared[key] = created
  const { clients, releases, work } = created
  const drain = (ms: number): Promise<unknown> =>
    within(Promise.all([drainClients(clients.alive(), ms), ...work]), ms, true)
  const takeLeave = (isAlone: boolean): Promise<unknown> => {
    const ms = windowMs()
    const endsAt = now() + ms
    created.endsAt ??= endsAt
    const never = new Promise(() => undefined)
    void within(never, ms).then(() => {
      for (const release of releases) release()
    })
    if (!isAlone && !isServerless()) holdExitOfNext(() => drain(Math.max(lastWindowMs, endsAt - now())))
    return drain(ms)
  }
  try {
    onSignals(['SIGTERM', 'SIGINT'], { work: takeLeave })
    globals.process?.on?.('exit', () => {
      for (const gflux of clients.alive()) tellUnsent(gflux, deliveryOf(gflux)?.queue.size)
    })
  } catch {
    // edge runtimes send no signals: their `process` has no listeners, or Next's, which throw
  }
  return created
}

/**
 * `next start` answers the signal with `process.exit()` as soon as the last response is out: of background work it knows
 * what `after()` holds, which the Pages Router has not. So at the signal its exit is made to wait. Any other
 * program's exit is left alone.
 * https://github.com/vercel/next.js/blob/canary/packages/next/src/server/lib/start-server.ts
 */
function holdExitOfNext(drain: () => Promise<unknown>): void {
  const { process } = globals
  if (!process?.exit || !process.title?.startsWith('next-server') || env('NEXT_MANUAL_SIG_HANDLE')) return
  const { exit } = process
  process.exit = (code) => {
    process.exit = exit
    void drain().then(() => exit(code))
  }
}
