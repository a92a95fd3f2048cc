/** Where the SDK's messages go. Each method gets a message and plain data: counts, codes, durations, no token, no ids. */
export interface Logger {
  /** Every retry, and decisions worth knowing. */
  debug?(message: string, context: Record<string, unknown>): void
  /**
   * Refused events, exhausted retries, events that stay queued. The same warning comes at most every ten seconds; its
   * `suppressed` then tells how often it was held back.
   */
  warn?(message: string, context: Record<string, unknown>): void
}

/** The user's logger, made safe: it may be absent, throw or reject. */
export type Log = Record<keyof Logger, (message: string, context?: Record<string, unknown>) => void>

const repeatAfterMs = 10_000

export function createLog(logger: Logger | undefined, now: () => number): Log {
  /** When a warning may come again, and how often it was held back. */
  const warned = new Map<string, { quietUntil: number; suppressed: number }>()
  return {
    debug: (message, context) => safely(() => logger?.debug?.(`GFlux: ${message}`, { ...context })),
    warn: (message, context) => {
      // Warnings of different errors are different ones, unless they differ in numbers alone.
      const key = `${message} ${context?.['error']}`.replace(/\d+/g, '')
      const last = warned.get(key)
      if (last && now() < last.quietUntil) {
        last.suppressed++
        return
      }
      if (warned.size > 99) warned.clear()
      warned.set(key, { quietUntil: now() + repeatAfterMs, suppressed: 0 })
      safely(() =>
        logger?.warn?.(`GFlux: ${message}`, {
          ...context,
          ...(last?.suppressed && { suppressed: last.suppressed }),
        }),
      )
    },
  }
}

/** Calls what the user passed in. What it throws or rejects with is the user's own affair, but must not hurt delivery. */
export function safely(call: () => unknown, onError: (error: unknown) => void = () => undefined): void {
  new Promise((resolve) => {
    resolve(call())
  }).catch(onError)
}
