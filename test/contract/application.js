/**
 * What the handler does on every platform: tracks (without awaiting anything, or each event before the next), waits,
 * tracks the other half, and answers or throws. Plain JavaScript: it goes into each platform's process as text.
 */
export function createHandler(gflux) {
  let served = 0
  return async ({ user, events = 0, pauseMs = 0, isAwaited = false, isFailing = false }) => {
    const client = gflux.with({ userId: user, context: { user } })
    let tracked = 0
    const track = async (end) => {
      while (tracked < end) {
        const queued = client.track('opened', { properties: { user, index: tracked++ } })
        if (isAwaited) await queued
      }
    }
    await track(Math.ceil(events / 2))
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    await track(events)
    served += 1
    if (isFailing) throw new RangeError(`nothing for ${user}`)
    return { user, served }
  }
}
