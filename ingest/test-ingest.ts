import type { WireEvent } from './event-rules.ts'
import { Exchange } from './exchange.ts'
import type { Failure } from './failure.ts'
import { fetchInProcess } from './fetch-door.ts'
import type { Receive } from './message.ts'
import { resolvePorts, type TestIngestOptions } from './options.ts'
import type { RequestRecord } from './request-record.ts'
import { type IngestServer, type ListenOptions, startServer } from './server.ts'
import type { IngestStatistics } from './statistics.ts'
import type { AliasRecord, ErasureRecord } from './store.ts'
import { handleRequest } from './web-door.ts'

/** The ingest API, locally: one implementation with three doors, and a memory to look into. */
export interface TestIngest {
  /**
   * The web-standard door. Rejects with fetch's own `TypeError` where a failure resets the connection, and
   * with the signal's reason when `request.signal` aborts.
   */
  readonly handle: (request: Request) => Promise<Response>
  /**
   * The in-process door: give it to a client in place of `fetch`. It looks at the path only, whatever the
   * host, and so does a redirect it follows: nothing leaves the process.
   */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  /** The HTTP door: a server on loopback. Needs `node:http`; several servers may run at once. */
  readonly listen: (options?: ListenOptions) => Promise<IngestServer>
  /** Stored events in the order of storing, as they were sent. */
  readonly events: readonly WireEvent[]
  /** One record per request, in the order of arrival. */
  readonly requests: readonly RequestRecord[]
  /** Merges of profiles, in the order of storing. */
  readonly aliases: readonly AliasRecord[]
  /** Erasures that were taken on. */
  readonly erasures: readonly ErasureRecord[]
  /** A snapshot. */
  readonly stats: IngestStatistics
  /**
   * Makes requests fail from now on. Several failures may be active: the one asked for first that matches
   * strikes. Returns a function that takes the failure back.
   *
   * @throws TypeError for a failure that makes no sense
   * @example
   * ingest.fail({ status: 503, retryAfter: 1, times: 2 })
   */
  readonly fail: (failure: Failure) => () => void
  /**
   * Forgets everything: events, requests, idempotency keys, limits, failures. The lists are emptied and stay the
   * same ones; servers keep running.
   */
  readonly reset: () => void
}

/**
 * Creates an ingest that takes what the GetFluxly API takes and refuses what it refuses. Stores in memory.
 *
 * @example
 * const ingest = createTestIngest()
 * const client = initGFluxNode({ token: 'gflux_secret_test', fetch: ingest.fetch })
 *
 * @example
 * const ingest = createTestIngest()
 * const server = await ingest.listen()
 * const client = initGFluxNode({ token: 'gflux_secret_test', apiHost: server.url })
 */
export function createTestIngest(options: TestIngestOptions = {}): TestIngest {
  const ports = resolvePorts(options)
  let exchange = new Exchange(ports)
  const receive: Receive = (message) => exchange.receive(message)
  const onConnection = (): void => {
    exchange.statistics.connections += 1
  }
  return {
    handle: (request) => handleRequest(receive, request),
    fetch: (input, init) => fetchInProcess(receive, input, init),
    listen: (listenOptions) => startServer({ receive, onConnection }, listenOptions),
    events: exchange.store.events,
    requests: exchange.requests,
    aliases: exchange.store.aliases,
    erasures: exchange.store.erasures,
    get stats() {
      const { statistics, store, requests } = exchange
      return {
        ...statistics,
        requests: requests.length,
        stored: store.events.length,
        duplicates: store.duplicates,
      }
    },
    fail: (failure) => exchange.failures.add(failure),
    reset() {
      exchange = new Exchange(ports, exchange)
    },
  }
}
