/**
 * What a promise that never rejects resolves to, or `undefined` after that time. The timer holds nothing open unless
 * `isAwaited`: then the process must not end meanwhile.
 */
export async function within<Result>(
  promise: Promise<Result>,
  ms: number,
  isAwaited = false,
): Promise<Result | undefined> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined)
    if (!isAwaited) timer.unref()
  })
  const result = await Promise.race([promise, timeout])
  clearTimeout(timer)
  return result
}
