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

type Context = Record<string, unknown>

/** The user's logger, made safe: it may be absent, throw or reject. */
export interface Log extends Record<keyof Logger, (message: string, context?: Context) => void> {
  /** Nobody may warn any more: tells the last of each warning that was held back, and how many were before it. */
  tellHeldBack(): void
}

interface Warned {
  readonly message: string
  readonly quietUntil: number
  suppressed: number
  /** Of the last one that was held back. */
  heldBack?: Context | undefined
}

const repeatAfterMs = 10_000

export function createLog(logger: Logger | undefined, now: () => number): Log {
  const warned = new Map<string, Warned>()
  const warn = (message: string, context: Context | undefined, suppressed = 0): void =>
    safely(() => logger?.warn?.(`GFlux: ${message}`, { ...context, ...(suppressed && { suppressed }) }))
  return {
    debug: (message, context) => safely(() => logger?.debug?.(`GFlux: ${message}`, { ...context })),
    warn(message, context) {
      // Warnings of different errors are different ones, unless they differ in numbers alone.
      const key = `${message} ${context?.['error']}`.replace(/\d+/g, '')
      const last = warned.get(key)
      if (last && now() < last.quietUntil) {
        last.suppressed++
        last.heldBack = context
        return
      }
      if (warned.size > 99) warned.clear()
      warned.set(key, { message, quietUntil: now() + repeatAfterMs, suppressed: 0 })
      warn(message, context, last?.suppressed)
    },
    tellHeldBack() {
      for (const last of warned.values()) {
        if (last.suppressed) warn(last.message, last.heldBack, last.suppressed - 1)
        last.suppressed = 0
      }
    },
  }
}

/** Calls what the user passed in. What it throws or rejects with is the user's own affair, but must not hurt delivery. */
export function safely(call: () => unknown, onError: (error: unknown) => void = () => undefined): void {
  new Promise((resolve) => {
    resolve(call())
  }).catch(onError)
}
