import type { Failure, FailureOccurrence } from './failure.ts'
import { type FailureEffect, resolveEffect } from './failure-effect.ts'
import { isJsonObject } from './json.ts'
import { optionError } from './option-error.ts'

/** A failure that struck a request. */
export interface Strike {
  readonly failure: Failure
  readonly effect: FailureEffect
  readonly delayMs: number
}

interface Plan extends Strike {
  readonly path: string | undefined
  readonly share: number
  readonly every: number
  remaining: number
  /** Matching requests that reached this plan. */
  seen: number
}

const OCCURRENCE = ['times', 'share', 'every', 'path', 'delayMs']
const EFFECT = ['status', 'retryAfter', 'body', 'hang', 'reset', 'redirect']
/** A longer timer ends at once: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The failures that are active, in the order they were asked for. */
export class FailurePlans {
  readonly #plans = new Set<Plan>()
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  /** Returns a function that takes the failure back. */
  add(failure: Failure): () => void {
    const plan = createPlan(failure)
    this.#plans.add(plan)
    return () => {
      this.#plans.delete(plan)
    }
  }

  /** The first failure that strikes a request to this path; later ones do not see that request. */
  strike(path: string): Strike | undefined {
    for (const plan of this.#plans) {
      if (plan.path !== undefined && plan.path !== path) continue
      plan.seen += 1
      if (plan.seen % plan.every !== 0) continue
      if (plan.share < 1 && this.#random() >= plan.share) continue
      plan.remaining -= 1
      if (plan.remaining === 0) this.#plans.delete(plan)
      return plan
    }
    return undefined
  }
}

function createPlan(failure: Failure): Plan {
  if (!isJsonObject(failure)) throw optionError('failure', 'an object such as { status: 503 }', failure)
  const unknown = Object.keys(failure).find((name) => !OCCURRENCE.includes(name) && !EFFECT.includes(name))
  if (unknown !== undefined) throw new TypeError(`Unknown failure option \`${unknown}\``)
  const effect = resolveEffect(failure)
  const { times, share, every, path, delayMs = 0 }: FailureOccurrence = failure
  const isRecurring = share !== undefined || every !== undefined
  const plan = {
    failure,
    effect,
    path,
    delayMs,
    share: share ?? 1,
    every: every ?? 1,
    remaining: times ?? (isRecurring ? Number.POSITIVE_INFINITY : 1),
    seen: 0,
  }
  checkPlan(plan)
  return plan
}

function checkPlan({ remaining, share, every, path, delayMs }: Plan): void {
  if (remaining !== Number.POSITIVE_INFINITY && !isPositiveInteger(remaining)) {
    throw optionError('times', 'a positive integer or Infinity', remaining)
  }
  if (typeof share !== 'number' || !(share >= 0 && share <= 1)) {
    throw optionError('share', 'a number from 0 to 1', share)
  }
  if (!isPositiveInteger(every)) throw optionError('every', 'a positive integer', every)
  if (path !== undefined && !String(path).startsWith('/')) {
    throw optionError('path', 'a path that starts with /', path)
  }
  if (typeof delayMs !== 'number' || !(delayMs >= 0 && delayMs <= MAX_TIMER_MS)) {
    throw optionError('delayMs', `a number of milliseconds from 0 to ${MAX_TIMER_MS}`, delayMs)
  }
}

function isPositiveInteger(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0
}
