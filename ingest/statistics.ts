/** What an ingest counted since it was created or reset. */
export interface IngestStatistics {
  readonly requests: number
  /** TCP connections the HTTP door accepted; the in-process doors open none. */
  readonly connections: number
  /** Events stored. */
  readonly stored: number
  /** Events rejected one by one, for breaking a rule. */
  readonly rejected: number
  /** Requests answered with the remembered answer to an earlier one with the same idempotency key. */
  readonly replays: number
  /** Replays whose body was not the body of the first request: a client that reuses a key by mistake. */
  readonly keyConflicts: number
  /**
   * Stored events that equal one stored before: the same fields with the same values, in any order. Two
   * calls that track the same thing in the same millisecond count too: load tests put a unique id into
   * `properties`.
   */
  readonly duplicates: number
  /** Requests that arrived and are not settled. */
  readonly inFlight: number
  readonly maxInFlight: number
  /** Events in the fullest request, stored or not. */
  readonly maxEventsPerRequest: number
  /** Bytes in the largest body. */
  readonly maxBytesPerRequest: number
}

/** The counters that nothing else holds. */
export class Statistics {
  connections = 0
  rejected = 0
  replays = 0
  keyConflicts = 0
  inFlight = 0
  maxInFlight = 0
  maxEventsPerRequest = 0
  maxBytesPerRequest = 0

  arrive(): void {
    this.inFlight += 1
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight)
  }

  measure(events: number, bytes: number): void {
    this.maxEventsPerRequest = Math.max(this.maxEventsPerRequest, events)
    this.maxBytesPerRequest = Math.max(this.maxBytesPerRequest, bytes)
  }

  settle(): void {
    this.inFlight -= 1
  }
}
