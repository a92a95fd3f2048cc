import type { Delivery } from './delivery.ts'
import { probeMs } from './guard.ts'
import { type Batch, leaseGraceMs, sealBatch } from './queue.ts'

/** The next batch to send, within the concurrency. What the API failed at goes last: it must not block the others. */
export function claim(
  delivery: Delivery,
  now: number,
  isSendable: (batch: Batch) => boolean,
): Batch | undefined {
  const { config, guard, ports, queue } = delivery
  const { batches, open } = queue
  const inFlight = batches.filter(({ leasedUntil }) => leasedUntil > now).length
  if (inFlight >= config.concurrency || (guard.failures && isProbed(delivery, now))) return undefined
  const [next] = batches.filter(isSendable).sort((a, b) => a.exhausted - b.exhausted)
  return open[0] && (!next || (guard.failures && next.exhausted)) ? sealBatch(queue, ports.randomId()) : next
}

/** Is an attempt under way that has no more time than a probe? What was sent before the API failed has. */
export function isProbed({ guard, queue }: Delivery, now: number): boolean {
  const longestLease = now + probeMs(guard) + leaseGraceMs
  return queue.batches.some(({ leasedUntil }) => leasedUntil > now && leasedUntil <= longestLease)
}
