import type { Delivery } from './delivery.ts'
import { GFluxNodeError } from './errors.ts'
import { firstOf } from './wait.ts'

/** Requests of calls that are under way at most: an API that hangs must not cost a process all of its sockets. */
const maxUnderWay = 128
const minPollMs = 10
const maxPollMs = 250

/** A request's place among those under way. It is over with the time limit at the latest: nobody may end it. */
export interface Turn {
  readonly endsAt: number
}

/**
 * Resolves to a turn. Each who waits for one looks by a timer of its own, since on Workers another invocation's promise
 * may never settle; all together some thousand times a second.
 */
export async function takeTurn(delivery: Delivery, maxWaitMs: number): Promise<Turn> {
  const { config, log, ports, turns } = delivery
  const giveUpAt = delivery.now() + maxWaitMs
  delivery.waiting++
  try {
    for (;;) {
      const now = delivery.now()
      for (const turn of turns) if (turn.endsAt <= now) turns.delete(turn)
      if (turns.size < maxUnderWay) {
        const turn = { endsAt: now + config.timeoutMs }
        turns.add(turn)
        return turn
      }
      if (now >= giveUpAt) break
      await firstOf(ports, [], Math.max(minPollMs, Math.min(maxPollMs, delivery.waiting / 4)))
    }
  } finally {
    delivery.waiting--
  }
  const message = 'Too many calls of alias() and erase() wait for the API'
  log.warn(message)
  throw new GFluxNodeError('queue_overflow', message, { retryable: true, retryAfterMs: config.timeoutMs })
}
