import type { Ports } from './ports.ts'

/**
 * Milliseconds since the epoch, but never less than before, and on with each timer of the ports that fires while the
 * clock stands still, as tests make it.
 */
export function createClock(ports: Ports): () => number {
  let latest = 0
  let aheadMs = 0
  const now = (): number => {
    const wall = ports.now()
    aheadMs = Math.max(aheadMs, latest - wall)
    latest = wall + aheadMs
    return latest
  }
  const { timer } = ports
  ports.timer = (ms, callback, unref) => {
    const wall = ports.now()
    const dueAt = now() + ms
    const fire = (): void => {
      if (ports.now() === wall && ms < Infinity) latest = Math.max(latest, dueAt)
      callback()
    }
    return timer(ms, fire, unref)
  }
  return now
}
