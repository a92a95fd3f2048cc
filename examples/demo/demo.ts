/**
 * 2,000 events through real HTTP while one request in five fails, in ten different ways. Then the API is asked what
 * it stored: nothing may be lost, nothing may be there twice.
 */
import { GFluxNodeError, initGFluxNode } from '@getfluxly/node'
import { createTestIngest } from '@getfluxly/node/testing'
import { failOneInFive } from './failures.ts'
import { checkDelivery, isExactlyOnce, printReport } from './report.ts'
import { trackEvents } from './workload.ts'

const ingest = createTestIngest()
const server = await ingest.listen()
const countStrikes = failOneInFive(ingest)

const gflux = initGFluxNode({
  token: 'gflux_secret_demo',
  apiHost: server.url,
  flushAt: 10,
  maxRetries: 5,
  maxQueueSize: 2_000,
  timeoutMs: 400, // what a request that hangs costs
})

console.log('Sending 2,000 events while one request in five fails ...')
const startedAt = performance.now()
const ids = await trackEvents(gflux)
const rounds = await flushUntilEmpty()
await gflux.shutdown()
const seconds = (performance.now() - startedAt) / 1000
await server.close()

const delivery = checkDelivery(ids, ingest.events)
printReport({ delivery, stats: ingest.stats, strikes: countStrikes(), rounds, seconds })
process.exitCode = isExactlyOnce(delivery) ? 0 : 1

/** Flushes until nothing is pending, ten times at most; returns how many it took. */
async function flushUntilEmpty(): Promise<number> {
  for (let round = 1; round <= 10; round++) {
    if ((await countPending()) === 0) return round
  }
  return 10
}

/** A flush whose retries are exhausted rejects, and its events stay queued: the error tells how many. */
async function countPending(): Promise<number> {
  try {
    const { pending } = await gflux.flush({ timeoutMs: 10_000 })
    return pending
  } catch (error) {
    if (GFluxNodeError.is(error) && error.result) return error.result.pending
    throw error
  }
}
