import {
  attempt,
  type ClientInside,
  insideOf,
  isBatchAnswer,
  keyLifetimeMs,
  report,
} from '../../src/adapter.ts'
import { type GFluxEvent, GFluxNodeError, initGFluxNode } from '../../src/index.ts'
import { directFetch, type SealedBatch } from './sealed-batch.ts'

/** What one attempt at a batch came to. */
export interface Delivered {
  /** The API took it, or refused it for good, which was reported: it needs no other attempt. */
  readonly isSettled: boolean
  /** The API may have stored it all the same: from now on its key's life counts. */
  readonly isUnknown: boolean
  /** The quiet that the API asked for, in milliseconds. */
  readonly retryAfterMs: number
}

const maxTimeoutMs = 30_000

/** Sends batches that a client has sealed, under their own keys. */
export class Courier {
  readonly #inside: ClientInside

  /** @param gflux whose token, host, logger and `onDrop` it uses, and whose `fetch` where that doesn't seal */
  constructor(gflux: object) {
    const { config } = inside(gflux)
    this.#inside = inside(initGFluxNode({ ...config, fetch: directFetch(config.fetch) }))
  }

  /** @param unknownSince when the first attempt began whose outcome is unknown, in milliseconds since the epoch */
  async send({ key, events }: SealedBatch, unknownSince?: number): Promise<Delivered> {
    const { config, ports } = this.#inside
    if (unknownSince !== undefined && ports.now() - unknownSince > keyLifetimeMs) {
      const message = 'The outcome of a batch stayed unknown until its key expired'
      return this.#drop(events, new GFluxNodeError('idempotency_expired', message))
    }
    const body = JSON.stringify({ events })
    const request = { config, path: 'events/batch', key, body, isAnswer: isBatchAnswer }
    const {
      answer,
      error,
      isUnknown = false,
    } = await attempt(ports, request, config.timeoutMs || maxTimeoutMs)
    if (error?.retryable) return { isSettled: false, isUnknown, retryAfterMs: error.retryAfterMs ?? 0 }
    if (error) return this.#drop(events, error)
    const { errors: details } = answer as { errors?: { index: number }[] }
    const rejected = (details ?? []).flatMap(({ index }) => events[index] ?? [])
    if (!rejected[0]) return settled
    return this.#drop(
      rejected,
      new GFluxNodeError('validation_error', 'The API rejected events', { details }),
    )
  }

  #drop(events: readonly GFluxEvent[], error: GFluxNodeError): Delivered {
    report(
      this.#inside,
      events.map((event) => ({ json: JSON.stringify(event) })),
      error,
    )
    return settled
  }
}

const settled: Delivered = { isSettled: true, isUnknown: false, retryAfterMs: 0 }

function inside(gflux: object): ClientInside {
  const found = insideOf(gflux)
  if (!found) throw new GFluxNodeError('validation_error', 'Expected a client of this package')
  return found
}
