import { resolve } from 'node:path'
import { type Delivery, flushInBackground, queuedEvents } from '../../src/adapter.ts'
import { within } from '../shared/within.ts'
import { Spool } from './spool.ts'

/** How often a client looks for what dead processes left, and tries to send it. */
const workIntervalMs = 5000
/** `shutdown()` does not wait longer for a disk that hangs. */
const releaseMs = 1000

/** Makes the client's events durable. */
export function attachSpool(
  delivery: Delivery,
  { spool: path, maxSpoolBytes: maxBytes }: { spool: string; maxSpoolBytes: number },
): Spool {
  const flush = (): void => {
    const events = queuedEvents(delivery)
    const flushed = delivery.isClosed
      ? delivery.flush(events, { deadline: delivery.now() + workIntervalMs, ifDown: 'try' })
      : flushInBackground(delivery, events)
    flushed.catch(() => undefined) // reported through the logger and onDrop
  }
  const spool = new Spool({ path: resolve(path), maxBytes, delivery, flush })
  const work = async (): Promise<void> => {
    await spool.work()
    if (!delivery.isClosed || delivery.queue.size || spool.hasBacklog) return
    clearInterval(timer)
    await spool.release()
  }
  const timer = setInterval(() => void work(), workIntervalMs).unref()
  void work()
  delivery.journal = spool
  delivery.onClose = () => within(work(), releaseMs, true)
  return spool
}
