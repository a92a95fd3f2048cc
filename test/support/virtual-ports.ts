import type { FetchFunction, Ports } from '../../src/ports.ts'
import { seededRandom } from './random.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface VirtualPorts extends Ports {
  readonly clock: VirtualClock
  /** How often the code asked for randomness: for a number, or for an id. */
  readonly drawn: { numbers: number; ids: number }
}

/** The outside world of one client, the same in every run. */
export function createVirtualPorts(fetch: FetchFunction, seed = 1, clock = new VirtualClock()): VirtualPorts {
  const random = seededRandom(seed)
  const drawn = { numbers: 0, ids: 0 }
  return {
    clock,
    drawn,
    fetch,
    now: () => clock.now(),
    timer: (ms, callback, unref) => clock.timer(ms, callback, unref),
    random: () => {
      drawn.numbers++
      return random()
    },
    randomId: () => `00000000-0000-4000-8000-${String(++drawn.ids).padStart(12, '0')}`,
  }
}
