/** What happened in an environment. */
export type LogKind =
  | 'start'
  | 'initialized'
  | 'init-error'
  | 'runtime-next'
  | 'extension-register'
  | 'extension-next'
  | 'extension-error'
  | 'invoke'
  | 'extension-event'
  | 'response-start'
  | 'response-end'
  | 'error'
  | 'refused'
  | 'freeze'
  | 'thaw'
  | 'deadline'
  | 'sigterm'
  | 'sigkill'
  | 'exit'
  | 'stdout'
  | 'stderr'

/** What is known of it, as far as it applies. */
export interface LogDetails {
  readonly pid?: number | undefined
  readonly requestId?: string | undefined
  /** An extension's. */
  readonly name?: string | undefined
  readonly path?: string | undefined
  /** The HTTP status that a request was answered with; 0 where the connection was cut instead. */
  readonly status?: number | undefined
  readonly code?: number | null | undefined
  readonly signal?: string | null | undefined
  readonly type?: string | undefined
  readonly text?: string | undefined
}

/** A line of an environment's log. */
export interface LogRecord extends LogDetails {
  /** Milliseconds since 1970, from a clock that never jumps. */
  readonly at: number
  readonly kind: LogKind
}

export class Log {
  readonly records: LogRecord[] = []

  add(kind: LogKind, details: LogDetails = {}): LogRecord {
    const record = { at: now(), kind, ...details }
    this.records.push(record)
    return record
  }

  /** What the runtime wrote to stdout and stderr, from a record on. */
  output(from = 0): string {
    const written = this.records.slice(from).filter(({ kind }) => kind === 'stdout' || kind === 'stderr')
    return written.map(({ text }) => text).join('')
  }
}

/** Comparable with `Date.now()` of any process here, and finer. */
export function now(): number {
  return performance.timeOrigin + performance.now()
}
