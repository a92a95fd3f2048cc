import { randomUUID } from 'node:crypto'
import { now } from './log.ts'
import type { Exit } from './process.ts'

/** What Lambda tells of an invocation besides its event. */
export interface InvokeOptions {
  /** The function's timeout in milliseconds. @default the environment's */
  readonly timeoutMs?: number
  /** `context.awsRequestId`. @default a new one */
  readonly requestId?: string
  /** `context.tenantId`. @default none */
  readonly tenantId?: string
  /** X-Ray's header. @default a new one */
  readonly traceId?: string
  /** How long the thawed process runs before the event reaches it. @default 0 */
  readonly thawDelayMs?: number
}

/** A part of a response as it arrived. */
export interface ResponseChunk {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly data: string
}

/** What the runtime posted as the response. */
export interface InvocationResponse {
  /** What arrived, also where the runtime died before the end: `completedAt` is absent then. */
  readonly body: string
  /** Absent where the body is none. */
  readonly json?: unknown
  readonly chunks: readonly ResponseChunk[]
  /** Of a streamed response, with names in lower case. */
  readonly trailers: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
}

/** An error as the runtime, or Lambda, reports it. */
export interface InvocationError {
  /** Such as `Runtime.ExitError`, or the name of what the handler threw. */
  readonly type: string
  /** Parsed where it is JSON. */
  readonly body: unknown
}

/** All times in milliseconds since 1970. */
export interface Invocation {
  readonly requestId: string
  readonly response?: InvocationResponse
  /** What the runtime posted, or as Lambda words it where the runtime died or ran into the deadline. */
  readonly error?: InvocationError
  /** When the event was delivered; of a suppressed init, when that began. */
  readonly startedAt: number
  readonly deadlineAt: number
  /** When the response's first byte, or the error, arrived. */
  readonly respondedAt?: number
  readonly completedAt?: number
  readonly frozenAt?: number
  readonly timedOut: boolean
  readonly exited?: Pick<Exit, 'code' | 'signal'>
  /** What the runtime posted where its init, repeated within this invocation, failed. */
  readonly initError?: InvocationError
}

/** An invocation while it runs. */
export class RunningInvocation {
  readonly requestId: string
  readonly tenantId: string | undefined
  readonly traceId: string
  readonly event: string
  startedAt = 0
  deadlineAt = 0
  respondedAt: number | undefined
  completedAt: number | undefined
  frozenAt: number | undefined
  response: InvocationResponse | undefined
  error: InvocationError | undefined
  initError: InvocationError | undefined
  timedOut = false
  exit: Exit | undefined
  /** Of a runtime that died in its init. */
  lastWords = ''

  constructor(event: unknown, options: InvokeOptions) {
    this.event = JSON.stringify(event ?? null)
    this.requestId = options.requestId ?? randomUUID()
    this.tenantId = options.tenantId
    this.traceId =
      options.traceId ?? `Root=1-${randomHex(8)}-${randomHex(24)};Parent=${randomHex(16)};Sampled=0`
  }

  begin(timeoutMs: number): void {
    this.startedAt = now()
    this.deadlineAt = Math.round(this.startedAt + timeoutMs)
  }

  /** The whole of a response or error is there. */
  get isAnswered(): boolean {
    return this.completedAt !== undefined
  }

  toResult(): Invocation {
    const { requestId, startedAt, deadlineAt, respondedAt, completedAt, frozenAt, response, timedOut } = this
    const { exit, initError, error = this.#platformError() } = this
    return {
      requestId,
      startedAt,
      deadlineAt,
      timedOut,
      ...(response && { response }),
      ...(error && { error }),
      ...(initError && { initError }),
      ...(respondedAt !== undefined && { respondedAt }),
      ...(completedAt !== undefined && { completedAt }),
      ...(frozenAt !== undefined && { frozenAt }),
      ...(exit && { exited: { code: exit.code, signal: exit.signal } }),
    }
  }

  #platformError(): InvocationError | undefined {
    if (this.isAnswered) return undefined
    if (this.initError) return this.initError
    const { requestId, timedOut, exit } = this
    if (timedOut) return platformError('Sandbox.Timedout', `RequestId: ${requestId} Error: Task timed out`)
    if (!exit) return undefined
    const reason = exit.signal ? `signal: ${exit.signal}` : `exit status ${exit.code}`
    const message = `RequestId: ${requestId} Error: Runtime exited with error: ${reason}`
    return platformError('Runtime.ExitError', `${message}\n${this.lastWords}`.trimEnd())
  }
}

function platformError(errorType: string, errorMessage: string): InvocationError {
  return { type: errorType, body: { errorType, errorMessage } }
}

function randomHex(digits: number): string {
  return randomUUID().replaceAll('-', '').slice(0, digits)
}
