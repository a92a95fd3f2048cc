import { type ClientInside, insideOf, type QueuedEvent } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import type { Invocation } from './current-invocation.ts'

type Owner = Pick<Invocation, 'isOver'>

/** Whose end flushes an event. */
const owners = new WeakMap<QueuedEvent, Owner>()

/** Of what nobody knows where it belongs: the next invocation to end takes it along. */
export const unknownOwner: Owner = { isOver: true }

export function own(event: QueuedEvent, owner: Owner): void {
  owners.set(event, owner)
}

/**
 * The client of an invocation: its flush covers what the invocation tracked and what nobody sees to. None waits for what
 * another one tracked.
 */
export function clientOf(invocation: Invocation): Flushable {
  const { gflux } = invocation
  const inside = insideOf(gflux)
  if (!inside) return gflux
  const flush: Flushable['flush'] = async ({ timeoutMs = Infinity, ifDown }) => {
    const events = coveredBy(invocation, inside)
    try {
      return await inside.flush(events, { deadline: inside.now() + timeoutMs, ifDown })
    } finally {
      invocation.isOver = !invocation.isRunning
    }
  }
  return Object.create(gflux, { flush: { value: flush } })
}

function coveredBy(invocation: Invocation, inside: ClientInside): QueuedEvent[] {
  const { queue } = inside
  const now = inside.now()
  const isOrphan = ({ batch, isHeld }: QueuedEvent): boolean => (batch ? batch.leasedUntil <= now : !isHeld)
  const isCovered = (event: QueuedEvent): boolean => {
    const owner = owners.get(event)
    return owner === invocation || owner === unknownOwner || ((!owner || owner.isOver) && isOrphan(event))
  }
  const events = [...queue.batches.flatMap(({ events }) => events), ...queue.open].filter(isCovered)
  for (const event of events) own(event, invocation)
  return events
}
