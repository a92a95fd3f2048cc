import type { ApiRequest } from './attempt.ts'
import type { ResolvedConfig } from './config.ts'
import { GFluxNodeError } from './errors.ts'
import { type FlushLimits, startFlush } from './flush.ts'
import type { FlushResult } from './flush-result.ts'
import { Guard } from './guard.ts'
import { createLog, type Log, safely } from './log.ts'
import type { Ports } from './ports.ts'
import { type Batch, Queue, type QueuedEvent } from './queue.ts'

/** When what is left of a background flush, or a full queue, is flushed again at the earliest. */
const retryMs = 1000
/** The API remembers an idempotency key for 24 hours: a minute less leaves time for the request under way. */
const keyLifetimeMs = (24 * 60 - 1) * 60 * 1000

/** The 202 of a batch. */
interface BatchAnswer {
  accepted: number
  rejected: number
  request_id?: string
  errors?: Rejection[] | null
}

interface Rejection {
  index: number
  error: string
  detail: string
}

/** What all clients made by `with()` share: the queue, the guard, and what happens to events in between. */
export class Delivery {
  readonly queue: Queue = new Queue()
  readonly guard: Guard = new Guard()
  readonly config: ResolvedConfig
  readonly ports: Ports
  readonly log: Log
  isClosed = false
  /** How often a batch's retries were exhausted. */
  rounds = 0
  /** Events since the last flush that `flushAt` or the timer started. */
  #recent: QueuedEvent[] = []
  #triggered: Promise<FlushResult> | undefined
  #stopTimer: (() => void) | undefined
  #timerDueAt = 0

  constructor(config: ResolvedConfig, ports: Ports) {
    this.config = config
    this.ports = ports
    this.log = createLog(config.logger, ports.now)
  }

  /** Queues an event. Returns the result to come where it made a flush happen. */
  enqueue(event: QueuedEvent): Promise<FlushResult> | undefined {
    const { flushAt, flushIntervalMs, maxQueueBytes, maxQueueSize } = this.config
    const { size, bytes } = this.queue
    if (size >= maxQueueSize || bytes + event.bytes > maxQueueBytes) {
      const retryAfterMs = this.#retryLater()
      const message = `The queue is full: ${size} events, ${bytes} bytes`
      throw new GFluxNodeError('queue_overflow', message, { retryable: true, retryAfterMs })
    }
    this.queue.push(event)
    this.#recent.push(event)
    if (this.#recent.length >= Math.min(flushAt, maxQueueSize)) return this.#trigger()
    if (flushIntervalMs) this.#armTimer(flushIntervalMs)
    return undefined
  }

  /** Flushes what is queued now, within the limits. Rejects when retries are exhausted or a batch is refused. */
  flushAll(limits: FlushLimits): Promise<FlushResult> {
    if (!this.#triggered) this.#recent = []
    return startFlush(this, this.#queued(), limits)
  }

  close(): void {
    this.isClosed = true
    this.#stopTimer?.()
  }

  /** The next batch to send, within the concurrency. What the API failed at goes last: it must not block the others. */
  claim(now: number, isSendable: (batch: Batch) => boolean): Batch | undefined {
    const { open, batches } = this.queue
    const leased = batches.filter(({ leasedUntil }) => leasedUntil > now)
    const isDown = this.guard.failures > 0
    if (leased.length >= (isDown ? 1 : this.config.concurrency)) return undefined
    const next = batches.filter(isSendable).sort((a, b) => a.exhausted - b.exhausted)[0]
    return open[0] && (!next || (isDown && next.exhausted)) ? this.queue.seal(this.ports.randomId()) : next
  }

  batchRequest({ key, events }: Batch): ApiRequest {
    return {
      config: this.config,
      path: '/v1/events/batch',
      key,
      body: `{"events":[${events.map(({ json }) => json)}]}`,
      isAnswer: (answer) => (Object(answer) as BatchAnswer).accepted >= 0,
    }
  }

  /** The API answered for good: it took the batch, or refused it. A 413 refuses it for its size alone. */
  settle(batch: Batch, answer: unknown, refusal: GFluxNodeError | undefined): void {
    this.guard.reset()
    if (!refusal) this.#accept(batch, answer as BatchAnswer)
    else if (refusal.status === 413 && batch.events[1]) this.queue.split(batch, this.ports.randomId)
    else this.#drop(batch, refusal)
  }

  /** A key that the API has forgotten does not keep a batch of unknown outcome from being stored twice. */
  dropExpired(now: number): void {
    for (const batch of [...this.queue.batches]) {
      if (batch.leasedUntil > now || now - (batch.unknownSince ?? now) < keyLifetimeMs) continue
      const message = 'The outcome of a batch stayed unknown until its key expired'
      this.#drop(batch, new GFluxNodeError('idempotency_expired', message, { cause: batch.error }))
    }
  }

  #accept(batch: Batch, { request_id: requestId, errors }: BatchAnswer): void {
    this.queue.settle(batch, { requestId })
    const details = Array.isArray(errors) ? errors.map(Object) : []
    const rejected = details.flatMap(({ index, error, detail }: Rejection) => {
      const event = batch.events[index]
      if (event) event.settlement = { requestId, rejection: { error, detail } }
      return event ?? []
    })
    if (!rejected[0]) return
    this.#report(rejected, new GFluxNodeError('validation_error', 'The API rejected events', { details }))
  }

  #drop(batch: Batch, failure: GFluxNodeError): void {
    const { error = failure.code, detail = failure.message } = Object(failure.details)
    this.queue.settle(batch, { rejection: { error, detail }, failure })
    this.#report(batch.events, failure)
  }

  #report(events: readonly QueuedEvent[], error: GFluxNodeError): void {
    const { config, log } = this
    log.warn(error.message, { code: error.code, status: error.status, events: events.length })
    const drop = (): unknown => config.onDrop?.({ events: events.map(({ json }) => JSON.parse(json)), error })
    safely(drop, (cause) => log.warn('onDrop failed', { cause }))
  }

  #queued(): QueuedEvent[] {
    const { batches, open } = this.queue
    return [...batches.flatMap(({ events }) => events), ...open]
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
      return this.#flushInBackground(events)
    })
    return this.#triggered
  }

  /** What is not settled is tried again later, by a timer that holds no process open. */
  #flushInBackground(events: readonly QueuedEvent[]): Promise<FlushResult> {
    return startFlush(this, events, { deadline: Infinity, ifDown: 'skip' }).finally(() => {
      if (events.some(({ settlement }) => !settlement)) this.#retryLater()
    })
  }

  /** Returns when, in milliseconds. */
  #retryLater(): number {
    const delayMs = Math.max(retryMs, this.guard.opensAt() - this.ports.now())
    this.#armTimer(delayMs)
    return delayMs
  }

  /** Flushes later. A timer dies with the invocation that made it, so one that is overdue is made anew. */
  #armTimer(delayMs: number): void {
    const now = this.ports.now()
    if (this.isClosed || (this.#timerDueAt && now < this.#timerDueAt + delayMs)) return
    this.#timerDueAt = now + delayMs
    const flush = (): void => {
      this.#timerDueAt = 0
      safely(() => this.#flushInBackground(this.#queued()))
    }
    safely(() => {
      this.#stopTimer = this.ports.timer(delayMs, flush, true)
    })
  }
}
