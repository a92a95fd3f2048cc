import type { IncomingMessage, ServerResponse } from 'node:http'
import { readError, readResponse } from './answer-reader.ts'
import { accept, answer, refuse } from './http.ts'
import type { InvocationError, RunningInvocation } from './invocation.ts'
import type { Log } from './log.ts'

export interface RuntimeApiOptions {
  readonly log: Log
  readonly functionArn: string
  /** Called, at once, whenever something happened that may end a phase. */
  readonly onProgress: () => void
  readonly onFirstNext: () => void
}

const INVOCATION = /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/(response|error)$/

/** What the runtime asks of Lambda. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
export class RuntimeApi {
  initError: InvocationError | undefined
  readonly #options: RuntimeApiOptions
  readonly #waiting: ServerResponse[] = []
  readonly #running = new Map<string, RunningInvocation>()
  /** Whether the body is on its way: the runtime can't answer twice. */
  readonly #answering = new Set<RunningInvocation>()
  #hasAskedForNext = false

  constructor(options: RuntimeApiOptions) {
    this.#options = options
  }

  /** Whether the runtime waits for an event. */
  get isReady(): boolean {
    return this.#waiting.length > 0
  }

  /** Hands an event to the runtime, which has to be ready. */
  deliver(invocation: RunningInvocation): void {
    const response = this.#waiting.shift()
    if (!response) throw new Error('The runtime does not wait for an event.')
    this.#running.set(invocation.requestId, invocation)
    this.#send(response, invocation)
  }

  forget(invocation: RunningInvocation): void {
    this.#running.delete(invocation.requestId)
    this.#answering.delete(invocation)
  }

  /** `false` for a path of another API. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    if (path === '/2018-06-01/runtime/invocation/next') this.#next(response)
    else if (path === '/2018-06-01/runtime/init/error') void this.#failInit(request, response)
    else {
      const [, id, kind] = INVOCATION.exec(path) ?? []
      if (id === undefined) return false
      void this.#answer(request, response, { id: decodeURIComponent(id), isError: kind === 'error' })
    }
    return true
  }

  #next(response: ServerResponse): void {
    const { log, onFirstNext, onProgress } = this.#options
    log.add('runtime-next')
    this.#waiting.push(response)
    if (!this.#hasAskedForNext) onFirstNext()
    this.#hasAskedForNext = true
    onProgress()
  }

  #send(response: ServerResponse, invocation: RunningInvocation): void {
    const { requestId, deadlineAt, traceId, tenantId, event } = invocation
    this.#options.log.add('invoke', { requestId })
    answer(response, 200, event, {
      'Lambda-Runtime-Aws-Request-Id': requestId,
      'Lambda-Runtime-Deadline-Ms': String(deadlineAt),
      'Lambda-Runtime-Invoked-Function-Arn': this.#options.functionArn,
      'Lambda-Runtime-Trace-Id': traceId,
      ...(tenantId !== undefined && { 'Lambda-Runtime-Aws-Tenant-Id': tenantId }),
    })
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    { id, isError }: { readonly id: string; readonly isError: boolean },
  ): Promise<void> {
    const { log, onProgress } = this.#options
    const invocation = this.#running.get(id)
    if (!invocation || this.#answering.has(invocation)) {
      const status = invocation ? 403 : 400
      log.add('refused', { requestId: id, path: request.url, status })
      request.resume()
      if (invocation) refuse(response, 403, 'InvalidStateTransition', 'The invocation has been answered.')
      else refuse(response, 400, 'InvalidRequestID', 'Invalid request ID')
      return
    }
    this.#answering.add(invocation)
    if (isError) {
      const { type, body, text } = await readError(request)
      invocation.error = { type, body }
      invocation.respondedAt = log.add('error', { requestId: id, type, text }).at
      invocation.completedAt = invocation.respondedAt
    } else {
      await readResponse(request, invocation, log)
    }
    accept(response)
    onProgress()
  }

  async #failInit(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { type, body, text } = await readError(request)
    this.initError ??= { type, body }
    this.#options.log.add('init-error', { type, text })
    accept(response)
    this.#options.onProgress()
  }
}
