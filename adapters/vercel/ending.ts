import type { Flushable } from '../../src/index.ts'
import { flushOnSigterm, type SigtermOptions, waitOnSigterm } from '../shared/sigterm.ts'
import { env, globals, isServerless } from './platform.ts'

/** Of the 500 ms that Vercel gives. https://vercel.com/docs/functions/functions-api-reference#sigterm-signal */
const serverlessWindowMs = 400
/** Half of the 10 s that Cloud Run gives, the shortest of what processes of their own get. */
const serverWindowMs = 5_000

/** SIGTERM flushes what the client still has queued. */
export function flushAtTheEnd(gflux: Flushable): void {
  flushOnSigterm(gflux, endingHere())
}

/** SIGTERM waits for this work. */
export function waitAtTheEnd(work: Promise<unknown>): void {
  waitOnSigterm(work, endingHere())
}

function endingHere(): SigtermOptions {
  return isServerless()
    ? { windowMs: serverlessWindowMs }
    : { windowMs: serverWindowMs, onShared: holdExitOfNext }
}

/**
 * `next start` answers SIGTERM with `process.exit()` as soon as the last response is out: of background work it knows
 * what `after()` holds, which the Pages Router has not. So at the signal its exit is made to wait. An exit of any other
 * program's is left alone.
 * https://github.com/vercel/next.js/blob/canary/packages/next/src/server/lib/start-server.ts
 */
function holdExitOfNext(drain: () => Promise<void>): void {
  const { process } = globals
  if (!process?.exit || !process.title?.startsWith('next-server') || env('NEXT_MANUAL_SIG_HANDLE')) return
  const { exit } = process
  process.exit = (code) => {
    process.exit = exit
    void drain().then(() => exit(code))
  }
}
