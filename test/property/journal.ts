import type { Journal } from '../../src/journal.ts'
import type { QueuedEvent } from '../../src/queue.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'

const LATENCIES_MS = [0, 3, 40, 2_000]

/** Gives a new key after some events, or when those before are sealed, and records nothing while the queue is full. */
export function createVirtualJournal(clock: VirtualClock, seed: number): Journal {
  let count = 0
  let keys = 0
  let first: QueuedEvent | undefined
  return {
    record(event, isFull) {
      if (isFull) return undefined
      if (!first || first.batch || count % ((seed % 20) + 1) === 0) {
        first = event
        keys++
      }
      event.key = `11111111-0000-4000-8000-${String(keys).padStart(12, '0')}`
      const latencyMs = LATENCIES_MS[(seed + count++) % LATENCIES_MS.length] ?? 0
      return new Promise((resolve) => clock.answer(latencyMs, () => resolve(null)))
    },
    sending: () => undefined,
    notStored() {
      // nothing is read back
    },
    settled() {
      // nothing to forget
    },
  }
}
