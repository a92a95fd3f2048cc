import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ExtensionFaults, refusalOf } from './extension-faults.ts'
import { accept, answer, header, parseJson, readBody, refuse } from './http.ts'
import type { RunningInvocation } from './invocation.ts'
import type { Log } from './log.ts'
import { FUNCTION_NAME } from './variables.ts'

export interface ExtensionsApiOptions {
  readonly log: Log
  readonly faults: ExtensionFaults
  /** Several invocations at a time: then extensions get no events. */
  readonly isConcurrent: boolean
  readonly functionArn: string
  readonly handler: string
  readonly onProgress: () => void
}

export interface Extension {
  readonly id: string
  readonly name: string
  readonly events: readonly string[]
  state: 'registered' | 'ready' | 'running'
  /** Requests for the next event so far. */
  asked: number
  waiting: ServerResponse | undefined
}

const PREFIX = '/2020-01-01/extension/'

/** What extensions ask of Lambda. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html */
export class ExtensionsApi {
  readonly extensions: Extension[] = []
  /** An extension reported that it cannot go on: the environment ends. */
  failure: string | undefined
  readonly #options: ExtensionsApiOptions
  #isClosed = false

  constructor(options: ExtensionsApiOptions) {
    this.#options = options
  }

  /** Whether all that are registered, or all that get the events of invocations, wait for an event. */
  areReady(which: 'all' | 'invoked'): boolean {
    const awaited = which === 'all' ? this.extensions : this.#invoked
    return awaited.every(({ state }) => state === 'ready')
  }

  /** Nothing can be registered any more. */
  close(): void {
    this.#isClosed = true
  }

  deliver(invocation: RunningInvocation): void {
    const { requestId, deadlineAt, traceId } = invocation
    const event = {
      eventType: 'INVOKE',
      deadlineMs: deadlineAt,
      requestId,
      invokedFunctionArn: this.#options.functionArn,
      tracing: { type: 'X-Amzn-Trace-Id', value: traceId },
    }
    for (const extension of this.#invoked) {
      extension.state = 'running'
      const { waiting, name } = extension
      extension.waiting = undefined
      this.#options.log.add('extension-event', { requestId, name })
      if (!waiting) continue
      if (this.#options.faults.loseEvent === extension.asked) waiting.destroy()
      else answer(waiting, 200, JSON.stringify(event), { 'Lambda-Extension-Event-Identifier': randomUUID() })
    }
  }

  /** `false` for a path of another API. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    if (!path.startsWith(PREFIX)) return false
    const route = path.slice(PREFIX.length)
    if (this.#options.faults.disabled) answer(response, 404, '')
    else if (route === 'register') void this.#register(request, response)
    else if (route === 'event/next') this.#next(request, response)
    else if (route === 'init/error' || route === 'exit/error') void this.#fail(request, response)
    else return false
    return true
  }

  get #invoked(): readonly Extension[] {
    return this.extensions.filter(({ events }) => events.includes('INVOKE'))
  }

  async #register(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { log, faults, isConcurrent, handler } = this.#options
    const name = header(request, 'lambda-extension-name') ?? ''
    const { events = [] } = (parseJson(await readBody(request)) ?? {}) as { events?: readonly string[] }
    const refusal = refusalOf({
      name,
      events,
      faults,
      isConcurrent,
      registered: this.extensions,
      isClosed: this.#isClosed,
    })
    log.add('extension-register', { name, status: refusal?.status ?? 200, type: refusal?.type })
    if (refusal) {
      if (refusal.type === 'hang') return
      if (refusal.status === 0) response.destroy()
      else if (refusal.status === 404) answer(response, 404, '')
      else refuse(response, refusal.status, refusal.type, refusal.message)
      return
    }
    const extension: Extension = {
      id: randomUUID(),
      name,
      events,
      state: 'registered',
      asked: 0,
      waiting: undefined,
    }
    this.extensions.push(extension)
    const body = { functionName: FUNCTION_NAME, functionVersion: '$LATEST', handler }
    answer(response, 200, JSON.stringify(body), { 'Lambda-Extension-Identifier': extension.id })
  }

  #next(request: IncomingMessage, response: ServerResponse): void {
    const { log, faults, onProgress } = this.#options
    const id = header(request, 'lambda-extension-identifier')
    const extension = this.extensions.find((candidate) => candidate.id === id)
    if (!extension || extension.state === 'ready') {
      log.add('refused', { path: request.url, status: 403, name: extension?.name })
      if (extension)
        refuse(response, 403, 'Extension.InvalidExtensionState', `${extension.name} waits already`)
      else refuse(response, 403, 'Extension.UnknownExtensionIdentifier', `Unknown extension ${id}`)
      return
    }
    extension.asked += 1
    extension.state = 'ready'
    log.add('extension-next', { name: extension.name })
    // Lambda does not see that the connection is gone: for it the extension is ready, and the event goes nowhere.
    if (faults.dropNext === 'always' || faults.dropNext === extension.asked) response.destroy()
    else extension.waiting = response
    onProgress()
  }

  async #fail(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const type = header(request, 'lambda-extension-function-error-type') ?? ''
    this.failure = type
    this.#options.log.add('extension-error', { type, text: await readBody(request), path: request.url })
    accept(response)
    this.#options.onProgress()
  }
}
