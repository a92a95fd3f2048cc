import type { Ports } from './ports.ts'

/**
 * Resolves to what the first of `work` comes to, or to `undefined` when the time is over or the caller aborts. The timer
 * is made for this call alone, since on Workers none may cross requests, and ref'd: an awaited flush must not depend on
 * one that lets the process exit.
 */
export async function firstOf<Result>(
  ports: Ports,
  work: Iterable<Promise<Result>>,
  ms: number,
  signal?: AbortSignal | undefined,
): Promise<Result | undefined> {
  let wake!: () => void
  const woken = new Promise<undefined>((resolve) => {
    wake = () => resolve(undefined)
  })
  const stopTimer = ports.timer(ms, wake)
  const ignoreAbort = signal && onAbort(signal, wake)
  try {
    return await Promise.race([...work, woken])
  } finally {
    ignoreAbort?.()
    stopTimer()
  }
}

/** Whom an abort wakes. */
class Wakes extends Set<() => void> {
  handleEvent(): void {
    for (const wake of this) wake()
  }
}

/** One listener for each signal that is waited for: Node warns of a leak where there are more than ten. */
const listeners = new WeakMap<AbortSignal, Wakes>()

function onAbort(signal: AbortSignal, wake: () => void): () => void {
  const wakes = listeners.get(signal) ?? new Wakes()
  listeners.set(signal, wakes.add(wake))
  signal.addEventListener('abort', wakes) // the same one is added once
  return () => {
    wakes.delete(wake)
    if (!wakes.size) signal.removeEventListener('abort', wakes)
  }
}
