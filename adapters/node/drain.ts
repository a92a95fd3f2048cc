import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivery, QueuedEvent } from '../../src/adapter.ts'
import type { GFluxNode } from '../../src/index.ts'
import { tellUnsent } from '../shared/drain-clients.ts'
import { within } from '../shared/within.ts'
import type { ExitClient } from './exit-hooks.ts'
import type { Spool } from './spool.ts'

const retryMs = 200
/** What is left for another try where a request hangs, and what an API gets at the process's own end that has just failed. */
const lastTryMs = 1000

/** A client at the end of its process: what is queued is sent, again and again while there is time. */
export function createExitClient(gflux: GFluxNode, delivery: Delivery, spool: Spool | undefined): ExitClient {
  const { calls, log, queue } = delivery
  const newest = (): QueuedEvent | undefined => queue.open.at(-1) ?? queue.batches.at(-1)?.events.at(-1)
  let newestTried: QueuedEvent | undefined
  let callsTried: ReadonlySet<unknown> = new Set()
  let isDraining = false
  return {
    hasNews: () =>
      [...calls].some((call) => !callsTried.has(call)) ||
      (queue.size > 0 ? newest() !== newestTried : !isDraining && !!spool?.hasLitter),
    isOver: () => delivery.isClosed && !queue.size && !calls.size && !spool?.hasBacklog,
    async drain(budgetMs, isOwnEnd) {
      isDraining = true // a disk that hangs is not waited for twice
      const maxMs = isOwnEnd && delivery.guard.failures ? lastTryMs : budgetMs
      const deadline = delivery.now() + maxMs
      if (!queue.size) await spool?.idle() // what it is bringing back is not in the queue yet
      for (let leftMs = maxMs; queue.size && leftMs > 0; leftMs = deadline - delivery.now()) {
        const timeoutMs = Math.min(leftMs, Math.max(lastTryMs, leftMs - lastTryMs))
        const isSent = await flush(gflux, delivery.isClosed, timeoutMs)
        await spool?.idle() // which brings back what the queue has room for now
        if (isSent) continue
        if (spool?.hasAll) break // the next start sends it
        if (delivery.guard.pausedUntil > deadline) break // `Retry-After`
        await sleep(Math.min(retryMs, leftMs))
      }
      if (!queue.size) await spool?.compact()
      await within(Promise.all(calls), Math.max(0, deadline - delivery.now()), true)
      isDraining = false
    },
    tell() {
      newestTried = newest()
      callsTried = new Set(calls)
      if (calls.size)
        log.warn('The process ends before the API answered alias() or erase()', { calls: calls.size })
      tellUnsent(gflux, queue.size, spool?.hasAll ? 'stay in the spool' : undefined)
    },
  }
}

async function flush(gflux: GFluxNode, isClosed: boolean, timeoutMs: number): Promise<boolean> {
  try {
    const { pending } = await (isClosed ? gflux.shutdown({ timeoutMs }) : gflux.flush({ timeoutMs }))
    return pending === 0
  } catch {
    return false // reported through the logger and onDrop
  }
}
