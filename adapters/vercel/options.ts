import { assertAmount, assertFunction, plainObject } from '../../src/adapter.ts'
import type { WaitUntil } from '../../src/index.ts'
import type { Call } from './current-invocation.ts'
import { now } from './outside-next.ts'
import { requestContext } from './platform.ts'

/** What a flush may take, and who waits for it. `undefined` means the default. */
export interface VercelOptions {
  /** A lifetime to use before all others, such as `after` from `next/server`. @default the request's, where there is one */
  waitUntil?: WaitUntil | undefined
  /** The function's own `maxDuration`, in seconds, for where the platform tells no deadline. @default none */
  maxDuration?: number | undefined
  /** Milliseconds before the deadline in which nothing is sent any more. @default 300 */
  marginMs?: number | undefined
  /** Milliseconds that a flush takes at most. @default 30000; 5000 where the response waits for it */
  maxFlushMs?: number | undefined
}

export interface ResolvedOptions {
  readonly waitUntil: WaitUntil | undefined
  readonly maxDurationMs: number
  readonly marginMs: number
  readonly maxFlushMs: number | undefined
}

const heldFlushMs = 30_000
const awaitedFlushMs = 5_000

/** @throws {GFluxNodeError} `validation_error`, naming the option. */
export function resolveOptions(options?: VercelOptions): ResolvedOptions {
  const {
    waitUntil,
    maxDuration,
    marginMs = 300,
    maxFlushMs,
  } = plainObject<VercelOptions>('options', options)
  assertFunction('waitUntil', waitUntil)
  for (const [name, amount] of Object.entries({ marginMs, maxDuration, maxFlushMs })) {
    if (amount !== undefined) assertAmount(name, amount)
  }
  return {
    waitUntil,
    marginMs,
    maxFlushMs,
    maxDurationMs: maxDuration === undefined ? Infinity : maxDuration * 1000,
  }
}

/** When the invocation that begins now will be over, in milliseconds since the epoch. */
export function deadlineOf({ maxDurationMs }: ResolvedOptions): number {
  return toldDeadline() || now() + maxDurationMs
}

function toldDeadline(): number {
  try {
    return new Date(requestContext('@vercel/request-context')?.deadline as string).getTime()
  } catch {
    return Number.NaN // what can't be read is not there
  }
}

/** Milliseconds that the end of a response may be waited for: the flush after it needs some too. */
export function responseMs({ options, deadline }: Call): number {
  const restMs = deadline - now() - options.marginMs
  return Math.max(restMs / 2, restMs - awaitedFlushMs)
}

/** Milliseconds that a flush may take now. */
export function budgetMs({ options, deadline }: Call, isHeld: boolean): number {
  const { marginMs, maxFlushMs = isHeld ? heldFlushMs : awaitedFlushMs } = options
  return Math.min(maxFlushMs, deadline - now() - marginMs)
}
