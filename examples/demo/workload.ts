import type { GFluxNode } from '@getfluxly/node'

const VISITORS = ['ada', 'grace', 'edsger', 'barbara', 'donald']

/** Tracks 2,000 events in the ways an application does. Returns their ids, one in the properties of each event. */
export async function trackEvents(gflux: GFluxNode): Promise<string[]> {
  const ids = Array.from({ length: 2_000 }, (_, index) => `event_${index + 1}`)
  identifyVisitors(gflux, ids.slice(0, 100))
  await Promise.all([
    trackAwaited(gflux, ids.slice(100, 600)),
    handleRequests(gflux, ids.slice(600, 1_000)),
    trackBurst(gflux, ids.slice(1_000)),
  ])
  return ids
}

/** Five clients at once, each waiting for every call: every tenth one sends what was queued. */
async function trackAwaited(gflux: GFluxNode, ids: readonly string[]): Promise<void> {
  await Promise.all(
    VISITORS.map(async (userId, visitor) => {
      const client = gflux.with({ userId, context: { job: 'import' } })
      for (const id of ids.filter((_, index) => index % VISITORS.length === visitor)) {
        await client.track('row_imported', { properties: { id } }).catch(stillQueued)
      }
    }),
  )
}

/** A thousand calls that nobody waits for, then two flushes at the same time: each event still goes out once. */
async function trackBurst(gflux: GFluxNode, ids: readonly string[]): Promise<void> {
  for (const id of ids) void gflux.track('item_viewed', { anonymousId: 'device_1', properties: { id } })
  await Promise.allSettled([gflux.flush(), gflux.flush()])
}

function identifyVisitors(gflux: GFluxNode, ids: readonly string[]): void {
  for (const [index, id] of ids.entries()) {
    const userId = VISITORS[index % VISITORS.length] as string
    void gflux.identify({ userId, anonymousId: `device_${index}`, traits: { id, plan: 'pro' } })
  }
}

/** Twenty requests at a time, each with a client of its own and a flush at its end. */
async function handleRequests(gflux: GFluxNode, ids: readonly string[]): Promise<void> {
  for (let start = 0; start < ids.length; start += 100) {
    const requests = Array.from({ length: 20 }, (_, index) =>
      ids.slice(start + 5 * index, start + 5 * index + 5),
    )
    await Promise.all(
      requests.map(async (request, index) => {
        const client = gflux.with({ anonymousId: `visitor_${index}` })
        for (const id of request) void client.track('page_viewed', { properties: { id } })
        await client.flush().catch(stillQueued)
      }),
    )
  }
}

/** Retries were exhausted. Nothing is lost: a later flush sends the events, under the same idempotency key. */
function stillQueued(): void {
  // The flush at the end of the demo takes care of them.
}
