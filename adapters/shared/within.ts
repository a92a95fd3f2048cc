import { maxTimerMs } from '../../src/adapter.ts'

/**
 * What work comes to, or `undefined` after that time. The timer holds the process where `isAwaited`: the work may hang
 * with nothing else left that does.
 */
export async function within<Result>(
  work: Promise<Result>,
  ms: number,
  isAwaited = false,
): Promise<Result | undefined> {
  let timer: unknown
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, Math.min(ms, maxTimerMs), undefined)
    if (!isAwaited) (timer as { unref?(): void }).unref?.() // a number on Edge
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer as number)
  }
}
