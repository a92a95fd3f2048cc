import { callFetch } from '../../src/adapter.ts'
import type { Fetcher, FetchFunction, FetchInit, FetchResponse, GFluxEvent } from '../../src/index.ts'

/** A batch on its way, as plain data: the API stores its events once, however often it comes. */
export interface SealedBatch {
  /** Its idempotency key. */
  readonly key: string
  readonly events: readonly GFluxEvent[]
}

export interface Destination {
  store(batch: SealedBatch): Promise<unknown>
  /** Bytes of JSON that a batch may have: a client halves a larger one, under new keys. */
  readonly maxBytes: number
  /** For what can't wait, such as `alias()`. */
  readonly direct: FetchFunction | Fetcher
}

/** A `fetch` for a client's configuration that puts batches elsewhere and answers in the API's place. */
export class SealingFetcher implements Fetcher {
  readonly destination: Destination

  constructor(destination: Destination) {
    this.destination = destination
  }

  async fetch(url: string, init: FetchInit): Promise<FetchResponse> {
    const { direct, maxBytes, store } = this.destination
    if (!url.endsWith('/v1/events/batch')) return callFetch(direct, url, init)
    if (new TextEncoder().encode(init.body).length > maxBytes)
      return answer(413, { error: 'payload_too_large' })
    const { events } = JSON.parse(init.body) as { events: GFluxEvent[] }
    await store({ key: init.headers['x-idempotency-key'] ?? '', events })
    return answer(202, { accepted: events.length, rejected: 0 })
  }
}

/** What reaches the API itself. */
export function directFetch(fetch: FetchFunction | Fetcher): FetchFunction | Fetcher {
  return fetch instanceof SealingFetcher ? directFetch(fetch.destination.direct) : fetch
}

function answer(status: number, body: object): FetchResponse {
  return { status, headers: { get: () => null }, text: async () => JSON.stringify(body) }
}
