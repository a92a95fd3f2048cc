import { randomUUID } from 'node:crypto'
import { maxBatchBytes, maxBatchEvents, type QueuedEvent } from '../../src/adapter.ts'

const margin = 100

/**
 * Chooses an event's idempotency key when it is tracked: as many events get one key as fit into a batch, and as are
 * tracked before the batch is sealed. So a file that has the events knows the batches, and a batch needs no record.
 */
export class BatchKeys {
  #first: QueuedEvent | undefined
  #key = ''
  #events = 0
  #bytes = 0

  assign(event: QueuedEvent): void {
    this.#events++
    this.#bytes += event.bytes + 1
    const isFull = this.#events > maxBatchEvents || this.#bytes > maxBatchBytes - margin
    if (!this.#first || this.#first.batch || isFull) {
      this.#first = event
      this.#key = randomUUID()
      this.#events = 1
      this.#bytes = event.bytes + 1
    }
    event.key = this.#key
  }

  /** An event comes between that the file does not have: what follows it is in another batch. */
  interrupt(): void {
    this.#first = undefined
  }
}
