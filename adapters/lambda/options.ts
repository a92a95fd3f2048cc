import { assertAmount, plainObject } from '../../src/adapter.ts'
import type { LambdaContext } from './platform.ts'

/** How much time a flush gets. `undefined` means the default. */
export interface LambdaOptions {
  /** Milliseconds of the function's timeout that a flush leaves over. @default 300 */
  marginMs?: number | undefined
  /** Milliseconds that the flush of one invocation takes at most. @default 5000 */
  maxFlushMs?: number | undefined
}

export interface Limits {
  readonly marginMs: number
  readonly maxFlushMs: number
}

/** @throws {GFluxNodeError} `validation_error`, naming the option. */
export function resolveLimits(options: LambdaOptions | undefined): Limits {
  const { marginMs = 300, maxFlushMs = 5000 } = plainObject<LambdaOptions>('options', options)
  assertAmount('marginMs', marginMs)
  assertAmount('maxFlushMs', maxFlushMs)
  return { marginMs, maxFlushMs }
}

/**
 * Milliseconds that a flush may take now. Less than nothing is left where the deadline is over, as may happen on
 * Lambda Managed Instances: then it sends nothing.
 */
export function budgetMs(context: LambdaContext | undefined, { marginMs, maxFlushMs }: Limits): number {
  return Math.min(maxFlushMs, remainingMs(context) - marginMs)
}

/** Until the function's timeout. */
export function remainingMs(context: LambdaContext | undefined): number {
  try {
    return context?.getRemainingTimeInMillis?.() ?? Infinity
  } catch {
    return Infinity // a test's own context
  }
}
