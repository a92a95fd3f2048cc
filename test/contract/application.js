/**
 * What the handler does on every platform: tracks without awaiting anything, waits, tracks the other half, and answers
 * or throws. Plain JavaScript: it goes into each platform's process as text.
 */
export function createHandler(gflux) {
  let served = 0
  return async ({ user, events = 0, pauseMs = 0, isFailing = false }) => {
    const client = gflux.with({ userId: user, context: { user } })
    let tracked = 0
    const track = (end) => {
      while (tracked < end) void client.track('opened', { properties: { user, index: tracked++ } })
    }
    track(Math.ceil(events / 2))
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    track(events)
    served += 1
    if (isFailing) throw new RangeError(`nothing for ${user}`)
    return { user, served }
  }
}
