/** Where the SDK's messages go. Each method gets a message and plain data: counts, codes, durations, no token, no ids. */
export interface Logger {
  /** Every retry, and decisions worth knowing. */
  debug?(message: string, context?: Record<string, unknown>): void
  /** Refused events, exhausted retries, events that stay queued. The same warning comes at most every ten seconds. */
  warn?(message: string, context?: Record<string, unknown>): void
}

const repeatAfterMs = 10_000

/** The user's logger, made safe: it may be absent, throw or reject. */
export class Log {
  readonly #logger: Logger | undefined
  readonly #now: () => number
  readonly #warnings = new Map<string, { at: number; suppressed: number }>()

  constructor(logger: Logger | undefined, now: () => number) {
    this.#logger = logger
    this.#now = now
  }

  debug(message: string, context?: Record<string, unknown>): void {
    safely(() => this.#logger?.debug?.(message, context))
  }

  /** A warning that repeats is held back, and counted in the next one. */
  warn(message: string, context?: Record<string, unknown>): void {
    const now = this.#now()
    const last = this.#warnings.get(message)
    if (last && now - last.at < repeatAfterMs) last.suppressed++
    else {
      this.#warnings.set(message, { at: now, suppressed: 0 })
      safely(() =>
        this.#logger?.warn?.(
          message,
          last?.suppressed ? { ...context, suppressed: last.suppressed } : context,
        ),
      )
    }
  }
}

/** Calls what the user passed in. What it throws or rejects with is the user's own affair, but must not hurt delivery. */
export function safely(call: () => unknown, onError: (error: unknown) => void = () => undefined): void {
  new Promise((resolve) => {
    resolve(call())
  }).catch(onError)
}
