import { deliveryOf } from '../../src/adapter.ts'
import type { Fetcher, FetchFunction } from '../../src/index.ts'
import { type ClientSource, clientOf } from './client-source.ts'
import { createCourier } from './courier.ts'
import type { QueueBatch, QueueMessage, QueueProducer } from './platform.ts'
import { retryDelayMs } from './retry-delay.ts'
import { type SealedBatch, SealingFetcher } from './sealed-batch.ts'

/** A message holds 128 KB: https://developers.cloudflare.com/queues/platform/limits/. The key takes some of it. */
const maxBytes = 127_000
/** https://developers.cloudflare.com/queues/configuration/batching-retries/#delay-messages */
const maxDelaySeconds = 12 * 60 * 60

/**
 * A `fetch` for a client's configuration that hands batches to a Cloudflare Queue, each with its idempotency key: the
 * invocation ends when the queue has it, however the API fares. What isn't queued, such as `alias()`, goes by way of
 * `fetch`.
 *
 * @example
 * ```ts
 * const config = (env: Env) => ({ token: env.GFLUX_SERVER_TOKEN, fetch: queueRelay(env.EVENTS) })
 * export default withGFlux(config, { fetch: respond, queue: relayConsumer(config) })
 * ```
 */
export function queueRelay(
  queue: QueueProducer,
  {
    fetch = (url, init) => globalThis.fetch(url, init),
  }: { fetch?: FetchFunction | Fetcher | undefined } = {},
): Fetcher {
  const store = (batch: SealedBatch): Promise<unknown> => queue.send(batch, { contentType: 'json' })
  return new SealingFetcher({ store, maxBytes, direct: fetch })
}

/**
 * A `queue` handler that sends what {@link queueRelay} put there: a message is acknowledged when the API took its batch,
 * or refused it for good, which `onDrop` is told. While the API is down messages are retried with a growing delay, never
 * shorter than its `Retry-After`: with `max_retries: 100` for about a day, after which the API would no longer know the
 * key of a batch whose outcome is unknown. What is no batch of events is left to be retried, and so to the dead letter
 * queue.
 *
 * @param source the relay's own client or factory, or another one for the same API
 */
export function relayConsumer<Env>(
  source: ClientSource<Env>,
): (batch: QueueBatch, env: Env, ctx?: unknown) => Promise<void> {
  return async ({ messages }, env) => {
    const gflux = clientOf(source, env)
    const send = createCourier(gflux)
    let failuresInRow = 0
    let retryAfterMs = 0
    for (const message of rotated(messages)) {
      if (!isSealed(message)) {
        deliveryOf(gflux)?.log.warn('A message is no batch of events')
        message.retry()
        continue
      }
      const { attempts, body, timestamp } = message
      if (failuresInRow < 2 && !retryAfterMs) {
        const pauseMs = await send(body, attempts > 1 ? timestamp.getTime() : undefined)
        if (pauseMs === undefined) {
          failuresInRow = 0
          message.ack()
          continue
        }
        failuresInRow++
        retryAfterMs = pauseMs
      } // else it is not tried: the API is down, or asked for quiet
      message.retry({ delaySeconds: delaySeconds(attempts, retryAfterMs) })
    }
  }
}

/** Begins with another message at each delivery: those that the API can't digest must not hold up the others for good. */
function rotated(messages: readonly QueueMessage[]): readonly QueueMessage[] {
  const first = ((messages[0]?.attempts ?? 1) - 1) % messages.length
  return [...messages.slice(first), ...messages.slice(0, first)]
}

function isSealed(message: QueueMessage): message is QueueMessage & { readonly body: SealedBatch } {
  try {
    // Queues hold more than JSON does.
    const { key, events } = JSON.parse(JSON.stringify(message.body)) as Partial<SealedBatch>
    return typeof key === 'string' && /^[!-~]+$/.test(key) && Array.isArray(events)
  } catch {
    return false // what JSON can't hold
  }
}

function delaySeconds(attempts: number, retryAfterMs: number): number {
  return Math.min(maxDelaySeconds, Math.ceil(retryDelayMs(attempts, retryAfterMs) / 1000))
}
