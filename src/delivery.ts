import type { ApiRequest } from './attempt.ts'
import type { ResolvedConfig } from './config.ts'
import { GFluxNodeError } from './errors.ts'
import type { FlushResult } from './flush-result.ts'
import { type FlushLimits, FlushRun } from './flush-run.ts'
import { Guard } from './guard.ts'
import { Log, safely } from './log.ts'
import type { Ports } from './ports.ts'
import { type Batch, batchBody, Queue, type QueuedEvent } from './queue.ts'

const overflowRetryMs = 1000
/** The API remembers an idempotency key for 24 hours. */
const keyLifetimeMs = 24 * 60 * 60 * 1000

/** The 202 of a batch. */
interface BatchAnswer {
  accepted: number
  rejected: number
  request_id?: string
  errors?: { index: number; error: string; detail: string }[]
}

/** What all clients made by `with()` share: the queue, the guard, and what happens to events in between. */
export class Delivery {
  readonly queue: Queue = new Queue()
  readonly guard: Guard = new Guard()
  readonly config: ResolvedConfig
  readonly ports: Ports
  readonly log: Log
  isClosed = false
  /** Events since the last flush that `flushAt` or the interval started. */
  #recent: QueuedEvent[] = []
  #triggered: Promise<FlushResult> | undefined
  #stopTimer: (() => void) | undefined
  #timerDueAt = 0
  #overflowFlushAt = 0

  constructor(config: ResolvedConfig, ports: Ports) {
    this.config = config
    this.ports = ports
    this.log = new Log(config.logger, ports.now)
  }

  /** Queues an event. Returns the result to come where it made a flush happen. */
  enqueue(event: QueuedEvent): Promise<FlushResult> | undefined {
    const { flushAt, flushIntervalMs, maxQueueSize } = this.config
    this.#assertRoom(event)
    this.queue.push(event)
    this.#recent.push(event)
    if (this.#recent.length >= Math.min(flushAt, maxQueueSize)) return this.#trigger()
    if (flushIntervalMs) safely(() => this.#armTimer(flushIntervalMs))
    return undefined
  }

  /** Flushes what is queued now, within the limits. Rejects when retries are exhausted or a batch is refused. */
  flushAll(limits: FlushLimits): Promise<FlushResult> {
    this.#recent = []
    return this.flush([...this.queue.batches.flatMap(({ events }) => events), ...this.queue.open], limits)
  }

  async flush(events: readonly QueuedEvent[], limits: FlushLimits): Promise<FlushResult> {
    const run = new FlushRun(this, events, limits)
    const finished = run.run()
    if (!limits.isBackground) await finished
    return await run.reported
  }

  stopTimer(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
  }

  /** Leases the next batch, within the concurrency. What has failed before goes last: it must not block the others. */
  claim(now: number): Batch | undefined {
    const { config, guard, ports, queue } = this
    const leased = queue.batches.filter((batch) => batch.leasedUntil > now).length
    if (leased >= (guard.failures ? 1 : config.concurrency)) return undefined
    const ready = queue.batches
      .filter((batch) => batch.leasedUntil <= now && batch.notBefore <= now)
      .sort((a, b) => a.notBefore - b.notBefore)[0]
    const isFresh = ready && !this.isExhausted(ready)
    return !isFresh && queue.open.length ? queue.seal(ports.randomId()) : ready
  }

  isExhausted(batch: Batch | undefined): boolean {
    return batch !== undefined && batch.attempts > this.config.maxRetries
  }

  batchRequest(batch: Batch): ApiRequest {
    const { apiHost, token } = this.config
    const isAnswer = (answer: unknown): boolean => {
      const { accepted, rejected } = Object(answer) as Partial<BatchAnswer>
      return typeof accepted === 'number' && typeof rejected === 'number'
    }
    return {
      name: 'Batch',
      url: `${apiHost}/v1/events/batch`,
      token,
      key: batch.key,
      body: batchBody(batch),
      isAnswer,
    }
  }

  /** The API answered for good: it took the batch, or refused it. A 413 refuses it for its size alone. */
  settle(batch: Batch, answer: unknown, refusal: GFluxNodeError | undefined): void {
    this.guard.reset()
    if (!refusal) this.#accept(batch, answer as BatchAnswer)
    else if (refusal.status === 413 && batch.events.length > 1) this.queue.split(batch, this.ports.randomId)
    else this.#drop(batch, refusal)
  }

  /** A key that the API has forgotten does not keep a batch of unknown outcome from being stored twice. */
  dropExpired(now: number): void {
    for (const batch of [...this.queue.batches]) {
      if (batch.leasedUntil > now || now - (batch.unknownSince ?? now) < keyLifetimeMs) continue
      const message = 'Whether a batch was stored stayed unknown for longer than the API remembers its key'
      this.#drop(batch, new GFluxNodeError('idempotency_expired', message, { cause: batch.error }))
    }
  }

  #accept(batch: Batch, answer: BatchAnswer): void {
    const { request_id: requestId, errors: details = [] } = answer
    this.queue.remove(batch, { requestId })
    const rejected = details.flatMap(({ index, error, detail }) => {
      const event = batch.events[index]
      if (event) event.settlement = { requestId, rejection: { error, detail } }
      return event ?? []
    })
    if (answer.rejected)
      this.#report(rejected, new GFluxNodeError('validation_error', 'The API rejected events', { details }))
  }

  #drop(batch: Batch, failure: GFluxNodeError): void {
    const { error = failure.code, detail = failure.message } = Object(failure.details) as {
      error?: string
      detail?: string
    }
    this.queue.remove(batch, { rejection: { error, detail }, failure })
    this.#report(batch.events, failure)
  }

  #report(events: readonly QueuedEvent[], error: GFluxNodeError): void {
    const { code, message, status } = error
    this.log.warn(message, { code, status, events: events.length })
    safely(
      () => this.config.onDrop?.({ events: events.map(({ json }) => JSON.parse(json)), error }),
      (cause) => this.log.warn('onDrop failed', { cause }),
    )
  }

  #assertRoom({ bytes }: QueuedEvent): void {
    const { config, guard, ports, queue } = this
    if (queue.size < config.maxQueueSize && queue.bytes + bytes <= config.maxQueueBytes) return
    const now = ports.now()
    if (now - this.#overflowFlushAt >= overflowRetryMs) {
      this.#overflowFlushAt = now
      this.#flushInBackground()
    }
    const message = `The queue is full: ${queue.size} events, ${queue.bytes} bytes`
    const retryAfterMs = Math.max(overflowRetryMs, guard.opensAt() - now)
    throw new GFluxNodeError('queue_overflow', message, { retryable: true, retryAfterMs })
  }

  /**
   * One flush for all that is tracked in one synchronous run of code: a burst starts no second one. It may not be
   * joined later, when the code that runs may belong to another invocation.
   */
  #trigger(): Promise<FlushResult> {
    this.#triggered ??= Promise.resolve().then(() => {
      const events = this.#recent
      this.#recent = []
      this.#triggered = undefined
      return this.flush(events, background)
    })
    return this.#triggered
  }

  #flushInBackground(): void {
    this.flushAll(background).catch(() => undefined) // logged; the events are still queued, or were reported
  }

  /** A timer dies with the invocation that made it: one that is overdue is made anew. */
  #armTimer(intervalMs: number): void {
    const now = this.ports.now()
    if (this.#stopTimer && now < this.#timerDueAt + intervalMs) return
    this.#timerDueAt = now + intervalMs
    const flush = (): void => {
      this.stopTimer()
      this.#flushInBackground()
    }
    this.#stopTimer = this.ports.timer(intervalMs, flush, true)
  }
}

/** Settles when the events are, or when their retries are exhausted; goes on trying for a while after that. */
const background: FlushLimits = { deadline: Infinity, ifDown: 'wait', isBackground: true }
