import type { WaitUntil } from './config.ts'
import type { Delivery } from './delivery.ts'
import { register } from './lifecycle.ts'
import type { QueuedEvent } from './queue.ts'

/** How long events are gathered before they are sent: `flushAt` and an explicit flush send them earlier. */
const lingerMs = 10
/** What Workers grant `waitUntil`. https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil */
const budgetMs = 30_000
const idleHops = 32

/**
 * Gives every event a lifetime: the first `track()` of a cycle registers one promise that settles when what the cycle
 * tracked is settled or counted pending. A cycle is one run of microtasks, for another request always starts in a task
 * of its own: no request's events depend on another's lifetime.
 */
export class Cycle {
  readonly #delivery: Delivery
  readonly #waitUntil: WaitUntil
  #events: QueuedEvent[] | undefined
  #hops = 0

  constructor(delivery: Delivery, waitUntil: WaitUntil) {
    this.#delivery = delivery
    this.#waitUntil = waitUntil
  }

  add(event: QueuedEvent): void {
    this.#hops = 0
    if (this.#events) {
      this.#events.push(event)
      return
    }
    this.#events = [event]
    if (!register(this.#waitUntil, this.#flush(this.#events))) {
      this.#delivery.log.warn('waitUntil refused a promise: events wait for the next flush')
    }
    void this.#closeWhenIdle()
  }

  /** Never rejects: on Workers that would fail a whole queue batch. */
  async #flush(events: readonly QueuedEvent[]): Promise<void> {
    const { ports } = this.#delivery
    try {
      await new Promise<void>((resolve) => ports.timer(lingerMs, resolve))
      await this.#delivery.flush(events, { deadline: ports.now() + budgetMs, ifDown: 'wait' })
    } catch {
      // reported through the logger and onDrop; what can be sent is still queued
    }
  }

  async #closeWhenIdle(): Promise<void> {
    while (this.#hops++ < idleHops) await undefined
    this.#events = undefined
  }
}
