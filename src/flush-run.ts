import { attempt } from './attempt.ts'
import type { Delivery } from './delivery.ts'
import { GFluxNodeError } from './errors.ts'
import { type FlushResult, flushResult } from './flush-result.ts'
import type { Batch, QueuedEvent } from './queue.ts'
import { backoffMs } from './retry.ts'

/**
 * What a flush does while the API is known to be down: `try` sends all the same, `skip` returns at once with the
 * events pending, `wait` waits a few seconds for the next probe and then returns.
 */
export type IfDown = 'try' | 'skip' | 'wait'

export interface FlushLimits {
  /** When it must be over, in milliseconds since the epoch. */
  deadline: number
  ifDown: IfDown
  signal?: AbortSignal | undefined
  /** Nobody awaits its end: waiting for an API that is down holds no process open. */
  isBackground?: boolean
}

const patienceMs = 5_000
const maxRetryAfterMs = 30_000
const maxPollMs = 100
const leaseGraceMs = 1_000
/** How long a claim lasts where requests have no time limit. */
const maxLeaseMs = 60_000

/**
 * One flush: claims batches under a lease and sends them with I/O of its own, until the events it covers are settled
 * or its limits are reached. Batches that other flushes hold it watches on its own timer, over plain data: on Workers
 * another invocation's promise may never settle, on Lambda its timer may be frozen.
 */
export class FlushRun {
  /** The result for the events covered; rejects when retries were exhausted or a batch refused. */
  readonly reported: Promise<FlushResult>
  readonly #delivery: Delivery
  readonly #limits: FlushLimits
  readonly #sends = new Set<Promise<void>>()
  readonly #report: () => void
  #waiting: readonly QueuedEvent[]
  #pollMs = 4
  #hasSent = false
  /** When the last attempt began, if it failed and the guard does not know. */
  #failedAt: number | undefined

  constructor(delivery: Delivery, events: readonly QueuedEvent[], limits: FlushLimits) {
    this.#delivery = delivery
    this.#limits = limits
    this.#waiting = events
    let report!: () => void
    this.reported = new Promise((resolve, reject) => {
      report = () => {
        const result = flushResult(events)
        const error = this.#error(events)
        if (error) reject(new GFluxNodeError(error.code, error.message, { ...error, result }))
        else resolve(result)
      }
    })
    this.#report = report
    this.reported.catch(() => undefined) // whoever awaits it sees it; nobody has to
    if (limits.ifDown !== 'try') return
    delivery.guard.reset()
    for (const { batch } of events) if (batch) batch.attempts = batch.notBefore = 0
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const { guard, log, ports } = this.#delivery
    try {
      for (;;) {
        const waitMs = this.#step(ports.now())
        if (waitMs === Infinity && !this.#sends.size) break
        await this.#wait(waitMs)
      }
    } catch (cause) {
      log.warn('The flush stopped', { cause }) // such as Workers' global scope, where nothing may be sent
    }
    if (this.#failedAt !== undefined && this.#waiting.length) guard.trip(ports.now(), this.#failedAt)
    this.#report()
  }

  /** Starts what can be sent. Returns how long to wait for anything but the own sends. */
  #step(now: number): number {
    const { guard } = this.#delivery
    const { deadline, ifDown, signal } = this.#limits
    this.#delivery.dropExpired(now)
    this.#waiting = this.#waiting.filter((event) => !event.settlement)
    if (!this.#waiting.length || now >= deadline || signal?.aborted) return Infinity

    let waitMs = Infinity
    const closedMs = guard.opensAt() - now
    if (closedMs > 0) {
      const isOwnRetry = guard.pausedUntil > now && (this.#hasSent || ifDown === 'try')
      if (closedMs <= (ifDown === 'wait' ? patienceMs : isOwnRetry ? maxRetryAfterMs : 0)) waitMs = closedMs
    } else {
      this.#startSends(now)
      const batches = new Set(this.#waiting.map((event) => event.batch))
      for (const batch of batches) waitMs = Math.min(waitMs, this.#waitMs(batch, now))
    }
    if (this.#waiting.every((event) => this.#delivery.isExhausted(event.batch))) this.#report()
    return now + waitMs < deadline ? waitMs : Infinity // no wait is begun that the budget can't hold
  }

  /** How long until there may be something to do for this batch. */
  #waitMs(batch: Batch | undefined, now: number): number {
    const backoffMs = batch ? batch.notBefore - now : 0
    if (backoffMs > 0) {
      if (!this.#delivery.isExhausted(batch)) return backoffMs
      return this.#limits.ifDown === 'wait' && backoffMs <= patienceMs ? backoffMs : Infinity
    }
    this.#pollMs = Math.min(maxPollMs, this.#pollMs * 1.2)
    return this.#pollMs
  }

  #startSends(now: number): void {
    const isReady = ({ batch }: QueuedEvent): boolean =>
      !batch || (batch.leasedUntil <= now && batch.notBefore <= now)
    while (this.#waiting.some(isReady)) {
      const batch = this.#delivery.claim(now)
      if (!batch) return
      const send = this.#send(batch, now).finally(() => this.#sends.delete(send))
      this.#sends.add(send)
    }
  }

  async #send(batch: Batch, now: number): Promise<void> {
    const { config, guard, ports, queue } = this.#delivery
    const { deadline, signal } = this.#limits
    const lease = ++batch.lease
    const timeoutMs = Math.min(guard.timeoutMs(config.timeoutMs || Infinity), deadline - now)
    batch.leasedUntil = now + Math.min(timeoutMs, maxLeaseMs) + leaseGraceMs
    this.#hasSent = true
    const { body, error, isUnknown, isAborted } = await attempt(
      ports,
      this.#delivery.batchRequest(batch),
      timeoutMs,
      signal,
    )
    if (!queue.batches.includes(batch)) return // another flush settled it meanwhile
    if (isUnknown) batch.unknownSince ??= now
    if (lease === batch.lease) batch.leasedUntil = 0
    else if (error) return // another flush has reclaimed it, and decides
    if (isAborted) return
    this.#failedAt = error?.retryable ? now : undefined
    if (error?.retryable) this.#retryLater(batch, error, now)
    else this.#delivery.settle(batch, body, error)
  }

  #retryLater(batch: Batch, error: GFluxNodeError, attemptedAt: number): void {
    const { config, guard, log, ports } = this.#delivery
    const now = ports.now()
    const { code, status, retryAfterMs = 0 } = error
    batch.error = error
    guard.pausedUntil = Math.max(guard.pausedUntil, now + retryAfterMs)
    const attempt = ++batch.attempts
    // A socket that died while the process was frozen deserves a new one at once.
    let delayMs = code === 'network_error' && attempt === 1 ? 0 : backoffMs(attempt, ports.random())
    const isLast = guard.failures > 0 || attempt > config.maxRetries
    if (isLast) {
      guard.trip(now, attemptedAt)
      this.#failedAt = undefined
      batch.attempts = config.maxRetries + 1
      delayMs = guard.retryAt - now
    }
    batch.notBefore = now + delayMs
    const context = { code, status, attempt, delayMs, events: batch.events.length }
    if (isLast) log.warn('Retries are exhausted: events stay queued', context)
    else log.debug('Retrying a batch', context)
  }

  async #wait(ms: number): Promise<void> {
    let stopTimer = (): void => undefined
    const timer = new Promise<void>((resolve) => {
      const isIdle = this.#limits.isBackground && !this.#sends.size && this.#delivery.guard.failures > 0
      if (ms < Infinity) stopTimer = this.#delivery.ports.timer(ms, resolve, isIdle)
    })
    await Promise.race([...this.#sends, timer])
    stopTimer()
  }

  /** A refusal; or exhausted retries, unless it was the caller's budget that ended the flush. */
  #error(events: readonly QueuedEvent[]): GFluxNodeError | undefined {
    const refused = events.find((event) => event.settlement?.failure)?.settlement?.failure
    if (refused || this.#delivery.ports.now() >= this.#limits.deadline) return refused
    return this.#waiting.find((event) => this.#delivery.isExhausted(event.batch))?.batch?.error
  }
}
