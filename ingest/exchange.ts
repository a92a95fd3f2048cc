import { admit } from './admission.ts'
import type { Answer } from './answer.ts'
import type { Services } from './endpoint.ts'
import { spoil } from './failure-effect.ts'
import { FailurePlans, type Strike } from './failure-plan.ts'
import { Idempotency } from './idempotency.ts'
import { type Arrival, type Message, type Outcome, RESET, readArrival } from './message.ts'
import type { Ports } from './options.ts'
import { RateLimit } from './rate-limit.ts'
import { type OpenRecord, openRecord, recordBody } from './request-record.ts'
import { Statistics } from './statistics.ts'
import { Store } from './store.ts'

/** One life of an ingest, from its creation or reset on: turns messages into outcomes and remembers them. */
export class Exchange {
  readonly store: Store
  readonly statistics: Statistics = new Statistics()
  readonly requests: OpenRecord[]
  readonly failures: FailurePlans
  readonly #idempotency: Idempotency
  readonly #services: Services
  readonly #ports: Ports

  /** Takes the lists of its predecessor over, emptied. */
  constructor(ports: Ports, predecessor?: Exchange) {
    this.#ports = ports
    this.store = predecessor?.store.succeed() ?? new Store()
    this.requests = predecessor?.requests ?? []
    this.requests.length = 0
    this.failures = new FailurePlans(ports.random)
    this.#idempotency = new Idempotency(ports.now)
    this.#services = {
      store: this.store,
      statistics: this.statistics,
      rateLimit: new RateLimit(ports.rateLimit, ports.now),
      createId: ports.createId,
      now: ports.now,
    }
  }

  /** Takes a request in. Its record and its failure are settled before the first `await`: in order of arrival. */
  async receive(message: Message): Promise<Outcome> {
    const record = openRecord(message, this.#ports.now())
    const strike = this.failures.strike(message.path)
    if (strike !== undefined) record.failure = strike.failure
    this.requests.push(record)
    this.statistics.arrive()
    try {
      const outcome = await this.#perform(message, record, strike)
      if (outcome.kind === 'answer') record.answer = outcome.answer.body
      if (record.status === 'pending') {
        record.status = outcome.kind === 'answer' ? outcome.answer.status : 'reset'
      }
      return outcome
    } finally {
      record.settledAt = this.#ports.now()
      this.statistics.settle()
      this.#ports.onRequest(record)
    }
  }

  async #perform(message: Message, record: OpenRecord, strike: Strike | undefined): Promise<Outcome> {
    const body = await message.readBody().catch(() => undefined) // The client left before it had sent all.
    if (body === undefined) return RESET
    const arrival = readArrival(message, body)
    recordBody(record, arrival)
    this.statistics.measure(record.events.length, arrival.bytes)

    const { effect, delayMs = 0 } = strike ?? {}
    const pause = (): Promise<void> => (delayMs > 0 ? this.#ports.sleep(delayMs) : Promise.resolve())
    if (effect?.kind === 'hang') {
      record.status = 'hang'
      await untilAborted(message.signal)
      return RESET
    }
    if (effect?.kind === 'answer' || effect?.kind === 'reset-before') {
      await pause()
      return effect.kind === 'answer' ? { kind: 'answer', answer: effect.answer, isTruncated: false } : RESET
    }
    return spoil(await this.#process(arrival, record, pause), effect)
  }

  /** A delay holds the idempotency key: a retry that overtakes its first attempt waits for it. */
  async #process(arrival: Arrival, record: OpenRecord, pause: () => Promise<void>): Promise<Answer> {
    const admission = admit(arrival)
    if ('status' in admission) {
      await pause()
      return admission
    }
    const { endpoint, call, scopedKey } = admission
    const run = async (): Promise<Answer> => {
      await pause()
      return endpoint(call, this.#services)
    }
    const { answer, isReplay, isConflict } = await this.#idempotency.once({
      key: scopedKey,
      body: arrival.text,
      run,
    })
    if (isReplay) {
      record.replayed = true
      this.statistics.replays += 1
      if (isConflict) this.statistics.keyConflicts += 1
      await pause()
    }
    if (answer.status >= 300) return answer
    return {
      ...answer,
      headers: { ...answer.headers, ...this.#services.rateLimit.headers(call.apiKey.value) },
    }
  }
}

function untilAborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve()
    signal?.addEventListener('abort', () => resolve(), { once: true })
  })
}
