import { type Delivery, deliveryOf, isOrphan, type QueuedEvent, queuedEvents } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import type { Invocation, Owner } from './current-invocation.ts'

/** Whose end flushes an event. */
const owners = new WeakMap<QueuedEvent, Owner>()

/** For events of no known invocation: the next one to end takes them along. */
export const unknownOwner: Owner = { isOver: true }

export function own(event: QueuedEvent, owner: Owner): void {
  owners.set(event, owner)
}

/**
 * The client of an invocation: its flush covers what the invocation tracked and what nobody sees to. None waits for what
 * another one tracked.
 */
export function coveringClient(invocation: Invocation): Flushable {
  const { gflux } = invocation
  const delivery = deliveryOf(gflux)
  if (!delivery) return gflux
  const flush: Flushable['flush'] = async ({ timeoutMs = Infinity, ifDown }) => {
    const events = coveredBy(invocation.owner, delivery)
    try {
      return await delivery.flush(events, { deadline: delivery.now() + timeoutMs, ifDown })
    } finally {
      invocation.owner.isOver = !invocation.isRunning
    }
  }
  return Object.create(gflux, { flush: { value: flush } })
}

function coveredBy(me: Owner, delivery: Delivery): QueuedEvent[] {
  const now = delivery.now()
  const isCovered = (event: QueuedEvent): boolean => {
    const owner = owners.get(event)
    return owner === me || owner === unknownOwner || ((!owner || owner.isOver) && isOrphan(event, now))
  }
  const events = queuedEvents(delivery).filter(isCovered)
  for (const event of events) own(event, me)
  return events
}
