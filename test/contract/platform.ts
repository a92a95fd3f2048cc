import type { Flushable, GFluxNodeConfig } from '../../src/index.ts'

/** What an adapter's driver does for the contract: it runs `application.js` where the adapter runs. */
export interface Platform {
  readonly name: string
  /** Work may go on when the response is out. */
  readonly hasLifetime: boolean
  /** A `track()` that triggers a flush waits for it, so that callers at any rate do not outrun the API. */
  readonly waitsForApi?: true
  start(options: StartOptions): Promise<RunningApplication>
  /** The adapter's wrapper around a handler, in this process, where handlers are functions by themselves. */
  wrap?(gflux: Flushable, handler: Handler): Handler
}

export type Handler = (...input: never[]) => unknown

export interface StartOptions {
  /** The client's, to be written into the application as JSON. */
  readonly config: GFluxNodeConfig
  /** `false`: the same application without the adapter. */
  readonly isWrapped: boolean
  /** Two requests at a time run in one process. */
  readonly isConcurrent: boolean
  /** What the platform, or the adapter's own limit where it has none, gives a request. */
  readonly deadlineMs: number
  /** To be called at the end of each request: from that instant on nothing that it began may be relied upon. */
  readonly onEnd: () => void
}

export interface RunningApplication extends AsyncDisposable {
  /** Resolves after the request's end. */
  send(request: ApplicationRequest): Promise<Completed>
  /** What the process wrote. */
  readonly output: () => string
}

/** What `application.js` is asked to do. */
interface ApplicationRequest {
  readonly user: string
  readonly events?: number
  /** Between the first half of the events and the second. */
  readonly pauseMs?: number
  /** Each call of `track()` is awaited. */
  readonly isAwaited?: boolean
  readonly isFailing?: boolean
}

export interface Completed {
  /** What the handler returned. */
  readonly answer?: unknown
  /** What it threw, as far as the platform tells it. */
  readonly error?: unknown
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** When the whole response was out. */
  readonly respondedAt: number
  /** The platform ended it by force. */
  readonly isCutOff: boolean
}
