import type { WaitUntil } from './config.ts'
import { type Delivery, orphansIn } from './delivery.ts'
import { startFlush } from './flush.ts'
import { register } from './lifecycle.ts'
import type { QueuedEvent } from './queue.ts'
import { firstOf } from './wait.ts'

/** How long events are gathered before they are sent: `flushAt` and an explicit flush send them earlier. */
const lingerMs = 10
/** What Workers grant `waitUntil`. https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil */
const budgetMs = 30_000
/** Microtasks in a row without an event that end a cycle: fewer than a caller's nested `await`s take would split it. */
const idleHops = 32

/**
 * Gives every event a lifetime: the first `track()` of a cycle registers one promise that settles when what the cycle
 * tracked is settled or counted pending, and what nobody sees to, such as what an earlier one had to leave. A cycle is
 * one run of microtasks, for another request always starts in a task of its own: no request's events depend on
 * another's lifetime. Returns what adds an event.
 */
export function createCycle(
  delivery: Delivery,
  ownLifetime: WaitUntil | undefined,
): (event: QueuedEvent) => void {
  const { log, ports } = delivery
  let events: QueuedEvent[] | undefined
  let hold: QueuedEvent['hold'] = false
  let hops = 0

  const flush = async (cycle: readonly QueuedEvent[]): Promise<void> => {
    try {
      await firstOf(ports, [], lingerMs)
      const deadline = delivery.now() + budgetMs
      await startFlush(delivery, cycle, { deadline, ifDown: 'wait' }).catch(() => undefined) // is in the log
      const orphans = orphansIn(delivery)
      if (orphans[0]) await startFlush(delivery, orphans, { deadline, ifDown: 'skip' })
    } finally {
      for (const event of cycle) event.hold = false // what it left is anybody's
    }
  }

  const closeWhenIdle = async (): Promise<void> => {
    while (hops++ < idleHops) await undefined
    events = undefined
  }

  return (event) => {
    const lifetime = delivery.lifetime?.(event)
    const waitUntil = ownLifetime ?? lifetime
    if (!waitUntil) return
    hops = 0
    if (!events) {
      events = []
      // It must not reject: on Workers that would fail a whole queue batch. A failure is reported through the logger
      // and onDrop; what can be sent is still queued.
      const flushed = flush(events).catch(() => undefined)
      hold = register(waitUntil, flushed) && flushed
      if (!hold)
        log.warn('Nothing here keeps a request running for its events: wrap its handler, or flush in it', {
          event: event.name,
        })
      void closeWhenIdle()
    }
    event.hold = hold
    events.push(event)
  }
}
