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
  signal?.addEventListener('abort', wake)
  try {
    return await Promise.race([...work, woken])
  } finally {
    signal?.removeEventListener('abort', wake)
    stopTimer()
  }
}
