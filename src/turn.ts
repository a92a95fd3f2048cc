import type { Delivery } from './delivery.ts'
import { firstOf } from './wait.ts'

/** Requests of calls that are under way at most: an API that hangs must not cost the process all of its sockets. */
const maxUnderWay = 32

/** A request's place in the line; it is over with the request's time limit, should nobody end it. */
export interface Turn {
  readonly endsAt: number
}

/**
 * Resolves when it is the request's turn, or its time is over. Each looks for itself, by a timer of its own, since on
 * Workers another invocation's promise may never settle; the less often, the further back it is.
 */
export async function itsTurn(delivery: Delivery, turn: Turn): Promise<void> {
  for (let place = placeOf(delivery, turn); place >= maxUnderWay; place = placeOf(delivery, turn))
    await firstOf(delivery.ports, [], place / 3)
}

function placeOf(delivery: Delivery, turn: Turn): number {
  const { turns } = delivery
  const now = delivery.now()
  let place = 0
  for (const other of turns) {
    if (other === turn) return place
    if (other.endsAt > now) place++
    else turns.delete(other)
  }
  return 0 // its own time is over
}
