import { attempt } from './attempt.ts'
import type { Delivery } from './delivery.ts'
import { GFluxNodeError } from './errors.ts'
import { type FlushResult, flushResult } from './flush-result.ts'
import { type Batch, isReady, type QueuedEvent } from './queue.ts'
import { backoffMs, maxRetryAfterMs } from './retry.ts'

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
  /** Settles as soon as retries are exhausted; what is tried after that holds no process open. */
  isBackground?: boolean
}

const patienceMs = 5_000
const maxPollMs = 100
const leaseGraceMs = 1_000
/** How long a claim lasts where requests have no time limit. */
const maxLeaseMs = 60_000

/**
 * One flush: claims batches under a lease and sends them with I/O of its own, until the events it covers are settled
 * or its limits are reached. Batches that other flushes hold it watches on its own timer, over plain data: on Workers
 * another invocation's promise may never settle, on Lambda its timer may be frozen.
 *
 * Resolves to the result for the events covered; rejects when retries are exhausted or a batch is refused.
 */
export function startFlush(
  delivery: Delivery,
  events: readonly QueuedEvent[],
  { deadline, ifDown, isBackground, signal }: FlushLimits,
): Promise<FlushResult> {
  const { config, guard, log, ports, queue } = delivery
  const sends = new Set<Promise<void>>()
  /** The unsettled batches of the events covered. */
  const waiting = new Set<Batch>()
  /** The first event covered that nobody has sealed: events are sealed in order. */
  let next = 0
  let pollMs = 4
  let hasSent = false
  /** When the last attempt began, if it failed and the guard does not know. */
  let failedAt: number | undefined

  const retryLater = (batch: Batch, error: GFluxNodeError, attemptedAt: number): void => {
    const now = ports.now()
    const { code, status, retryAfterMs = 0 } = error
    const attempts = ++batch.attempts
    const isLast = guard.failures > 0 || attempts > config.maxRetries
    batch.error = error
    failedAt = attemptedAt
    // A socket that died while the process was frozen deserves a new one at once.
    let delayMs = code === 'network_error' && attempts === 1 ? 0 : backoffMs(attempts, ports.random())
    if (isLast) {
      guard.trip(now, attemptedAt)
      failedAt = undefined
      batch.attempts = config.maxRetries + 1
      delayMs = Math.max(retryAfterMs, guard.retryAt - now)
    }
    batch.notBefore = now + delayMs
    const message = isLast ? 'Retries are exhausted: events stay queued' : 'Retrying a batch'
    log[isLast ? 'warn' : 'debug'](message, { code, status, attempts, delayMs, events: batch.events.length })
  }

  const send = async (batch: Batch, now: number): Promise<void> => {
    const lease = ++batch.lease
    const { unknownSince } = batch
    batch.unknownSince ??= now // until it is known: this invocation may never come back
    const timeoutMs = Math.min(guard.timeoutMs(config.timeoutMs || Infinity), deadline - now)
    batch.leasedUntil = now + Math.min(timeoutMs, maxLeaseMs) + leaseGraceMs
    hasSent = true
    const { answer, error, isUnknown } = await attempt(ports, delivery.batchRequest(batch), timeoutMs, signal)
    guard.pausedUntil = Math.max(guard.pausedUntil, ports.now() + (error?.retryAfterMs ?? 0))
    if (!queue.batches.includes(batch)) return // another flush settled it meanwhile
    if (lease === batch.lease) {
      batch.leasedUntil = 0
      if (!isUnknown) batch.unknownSince = unknownSince
    } else if (error) return // another flush has reclaimed it, and decides
    if (error?.retryable) {
      if (!signal?.aborted) retryLater(batch, error, now)
      return
    }
    failedAt = undefined
    delivery.settle(batch, answer, error)
  }

  /** Brings up to date what is waited for. */
  const look = (): void => {
    for (const batch of waiting) {
      if (queue.batches.includes(batch)) continue
      waiting.delete(batch) // settled, or split
      if (batch.events[0]?.settlement) continue
      for (const event of events) if (event.batch && !event.settlement) waiting.add(event.batch)
    }
    for (let event = events[next]; event?.batch; event = events[++next])
      if (!event.settlement) waiting.add(event.batch)
  }

  const sendReady = (now: number): void => {
    while (next < events.length || [...waiting].some((batch) => isReady(batch, now))) {
      const batch = delivery.claim(now)
      if (!batch) return
      const sent = send(batch, now).finally(() => sends.delete(sent))
      sends.add(sent)
      sent.catch(() => undefined) // `wait` sees it, unless the flush has ended
      look()
    }
  }

  /** How long until there may be something to do for a batch. */
  const waitMsFor = (batch: Batch, now: number): number => {
    const restMs = batch.notBefore - now
    if (restMs <= 0) return pollMs
    return !delivery.isExhausted(batch) || (ifDown === 'wait' && restMs <= patienceMs) ? restMs : Infinity
  }

  /** Is there nothing left but batches that `isDone`? */
  const isOver = (isDone: (batch: Batch) => boolean): boolean =>
    next >= events.length && [...waiting].every(isDone)

  /** Starts what can be sent. Returns how long to wait for anything but the own sends. */
  const step = (now: number): number => {
    delivery.dropExpired(now)
    look()
    // Where nobody waits for an API that is down, a batch whose retries are exhausted waits for a later flush.
    const isGivenUp = (batch: Batch): boolean =>
      delivery.isExhausted(batch) && ifDown !== 'wait' && (ifDown === 'try' || batch.notBefore > now)
    if (isOver(isGivenUp) || now >= deadline || signal?.aborted) return Infinity
    const closedMs = guard.opensAt() - now
    const isOwnRetry = guard.pausedUntil > now && (hasSent || ifDown === 'try')
    let waitMs = Infinity
    if (closedMs <= 0) {
      sendReady(now)
      pollMs = Math.min(maxPollMs, pollMs * 1.2)
      const waits = [...waiting].map((batch) => waitMsFor(batch, now))
      waitMs = Math.min(...waits, next < events.length ? pollMs : Infinity)
    } else if (closedMs <= (ifDown === 'wait' ? patienceMs : isOwnRetry ? maxRetryAfterMs : 0))
      waitMs = closedMs
    return now + waitMs < deadline ? waitMs : Infinity // no wait is begun that the budget can't hold
  }

  /** Until one of the own sends is done, the time is over or the caller aborts. */
  const wait = async (ms: number): Promise<void> => {
    let wake!: () => void
    const woken = new Promise<void>((resolve) => {
      wake = resolve
    })
    const stopTimer = ms < Infinity ? ports.timer(ms, wake, isBackground && guard.failures > 0) : wake
    signal?.addEventListener('abort', wake)
    await Promise.race([...sends, woken])
    signal?.removeEventListener('abort', wake)
    stopTimer()
  }

  return new Promise((resolve, reject) => {
    const report = (): void => {
      const result = flushResult(events)
      const refused = events.find((event) => event.settlement?.failure)?.settlement?.failure
      const exhausted = [...waiting].find((batch) => delivery.isExhausted(batch))?.error
      // Where the caller's budget ended the flush, pending events are no failure.
      const error = refused ?? (ports.now() < deadline ? exhausted : undefined)
      if (error) reject(new GFluxNodeError(error.code, error.message, { ...error, result }))
      else resolve(result)
    }
    const run = async (): Promise<void> => {
      for (;;) {
        const waitMs = step(ports.now())
        if (waitMs === Infinity && !sends.size) return
        if (isBackground && isOver((batch) => delivery.isExhausted(batch))) report()
        await wait(waitMs)
      }
    }
    if (ifDown === 'try') {
      guard.reset()
      for (const { batch } of events)
        if (batch && delivery.isExhausted(batch)) batch.attempts = batch.notBefore = 0
    }
    run()
      // such as Workers' global scope, where nothing may be sent
      .catch((cause) => log.warn('The flush stopped', { cause }))
      .then(() => {
        if (failedAt !== undefined && !isOver(() => false)) guard.trip(ports.now(), failedAt)
        report()
      }, reject)
  })
}
