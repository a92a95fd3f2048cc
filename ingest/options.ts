import type { RateLimitPlan } from './rate-limit.ts'
import type { RequestRecord } from './request-record.ts'

/** What a test may look at, and rule over, in its ingest. */
export interface TestIngestOptions {
  /** The clock, in milliseconds since the epoch. @default Date.now */
  readonly now?: (() => number) | undefined
  /** From 0 up to 1: draws the requests of a failure's `share`. @default Math.random */
  readonly random?: (() => number) | undefined
  /** Waits for a failure's `delayMs`. @default a timer */
  readonly sleep?: ((ms: number) => Promise<void>) | undefined
  /** Limits each API key. @default no limit, while answers carry the headers of the Pro plan */
  readonly rateLimit?: RateLimitPlan | undefined
  /** Called with each request when it is settled. */
  readonly onRequest?: ((request: RequestRecord) => void) | undefined
}

/** What the ingest takes from outside, complete. */
export interface Ports {
  readonly now: () => number
  readonly random: () => number
  readonly sleep: (ms: number) => Promise<void>
  readonly rateLimit: RateLimitPlan | undefined
  readonly onRequest: (request: RequestRecord) => void
  /** A new id: the prefix, then eight hexadecimal digits. */
  readonly createId: (prefix: string) => string
}

export function resolvePorts(options: TestIngestOptions): Ports {
  return {
    now: options.now ?? (() => Date.now()),
    random: options.random ?? (() => Math.random()),
    sleep: options.sleep ?? sleep,
    rateLimit: options.rateLimit,
    onRequest: options.onRequest ?? ignore,
    createId: createIdSource(),
  }
}

/** Multiplying by an odd number shuffles the counter without a repeat, and without randomness. */
function createIdSource(): (prefix: string) => string {
  let count = 0
  return (prefix) => {
    count += 1
    return prefix + (Math.imul(count, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0')
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

function ignore(): void {
  // Nobody listens.
}
