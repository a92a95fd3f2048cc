/**
 * What the handler does on every platform: tracks without awaiting anything, waits, tracks the other half, and answers
 * or throws. Plain JavaScript: it goes into each platform's process as text.
 */
export function createHandler(gflux) {
  let served = 0
  return async ({ user, events = 0, pauseMs = 0, isFailing = false }) => {
    const client = gflux.with({ userId: user, context: { user } })
    const track = (count) => {
      for (let index = 0; index < count; index++) void client.track('opened', { properties: { user, index } })
    }
    track(Math.ceil(events / 2))
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    track(Math.floor(events / 2))
    served += 1
    if (isFailing) throw new RangeError(`nothing for ${user}`)
    return { user, served }
  }
}
