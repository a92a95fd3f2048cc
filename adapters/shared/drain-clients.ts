import { deliveryOf } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { flushQuietly } from './flush-quietly.ts'

/**
 * The last flush of a process, also to an API that was down: no later one will find it up again. What is left gets a
 * warning of its own: that of an earlier flush may hold the usual one back.
 */
export async function drainClients(clients: Iterable<Flushable>, timeoutMs: number): Promise<void> {
  await undefined // other listeners are still to be called with this signal, and may track
  const flushOne = async (gflux: Flushable): Promise<void> => {
    tellUnsent(gflux, await flushQuietly(gflux, { timeoutMs, ifDown: 'try' }))
  }
  await Promise.all([...clients].map(flushOne))
}

/** Tells the logger what a process leaves, and what warnings it was spared. */
export function tellUnsent(gflux: Flushable, events: number | undefined, fate = 'could not be sent'): void {
  const log = deliveryOf(gflux)?.log
  if (events) log?.warn(`The process ends with events that ${fate}`, { events })
  log?.tellHeldBack()
}
