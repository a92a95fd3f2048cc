import type { ExtensionsApi, InvokeEvent } from './extensions-api.ts'
import { Span } from './span.ts'
import { within } from './within.ts'

/** How soon after Lambda's event the wrapper has to start: both leave Lambda together. */
const startLimitMs = 1000
/** The environment is let go so long before the deadline, whatever is under way. */
const marginMs = 100
const maxPauseMs = 1000

/** A wrapper's hold on the environment. */
export interface Hold {
  /** Starts the work when the response is out and holds the environment meanwhile; `false` where that can't be done. */
  afterResponse(work: () => Promise<void>): boolean
  /** The invocation is over for this wrapper. */
  close(): void
  /** After-response mode can't serve this handler. */
  giveUp(reason: string): void
}

/**
 * An extension in the runtime's own process: Lambda freezes the environment when the runtime and every extension have
 * asked for the next event, so this one asks when the flush is over.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
 *
 * Once registered it must go on asking: each invocation would last until its deadline otherwise. So where anything goes
 * wrong it holds nothing any more, but stays.
 */
export class Extension {
  readonly #warn: (reason: string) => void
  #state: 'registering' | 'active' | 'off' = 'registering'
  #span: Span | undefined
  /** Work after a response that is under way. */
  readonly #work = new Set<Promise<void>>()
  /** Called when a wrapper starts. */
  #onBegin: (() => void) | undefined

  /** @param warn called once, with why the responses wait for the flush again */
  constructor(warn: (reason: string) => void) {
    this.#warn = warn
  }

  /** From now on the flush comes after the response; where it was given up before, the extension only stays. */
  start(api: ExtensionsApi, identifier: string): void {
    if (this.#state === 'registering') this.#state = 'active'
    void this.#serve(api, identifier)
  }

  giveUp(reason: string): void {
    if (this.#state !== 'off') this.#warn(reason)
    this.#state = 'off'
  }

  /** A wrapper starts. */
  begin(requestId: string | undefined): Hold | undefined {
    let span: Span | undefined
    if (requestId !== undefined && this.#state === 'active') {
      span = this.#span
      if (span?.requestId !== requestId) span = this.#span = new Span(requestId)
      span.open()
    }
    this.#onBegin?.()
    return (
      span && {
        afterResponse: (work) => this.#afterResponse(span, work),
        close: () => span.close(),
        giveUp: (reason) => {
          this.giveUp(reason)
          span.close()
        },
      }
    )
  }

  #afterResponse(span: Span, work: () => Promise<void>): boolean {
    if (this.#state !== 'active') return false
    const done = responseSent()
      .then(work)
      .finally(() => {
        this.#work.delete(done)
        span.close()
      })
    this.#work.add(done)
    return true
  }

  async #serve(api: ExtensionsApi, identifier: string): Promise<never> {
    let failures = 0
    for (;;) {
      try {
        const event = await api.next(identifier)
        failures = 0
        if (this.#state === 'active') await this.#finish(event)
      } catch (error) {
        this.giveUp(`the connection to Lambda broke: ${error}`)
        await Promise.all(this.#work)
        // Lambda may not have noticed. Then it takes the question when the next invocation has begun, not before.
        if (failures > 0) await this.#pause(Math.min(maxPauseMs, 25 * 2 ** failures))
        failures += 1
      }
    }
  }

  /** Until the invocation is over and flushed, or its deadline near. */
  async #finish({ requestId, deadlineMs }: InvokeEvent): Promise<void> {
    if (this.#span?.requestId !== requestId) await this.#pause(startLimitMs)
    if (this.#span?.requestId !== requestId) this.giveUp('the handler is not wrapped with withGFlux')
    else await within(this.#span.over, deadlineMs - marginMs - Date.now())
    this.#span = undefined // a retry comes under the same id
  }

  /** Until a wrapper starts, or for that time. */
  async #pause(ms: number): Promise<void> {
    const begun = new Promise<void>((resolve) => {
      this.#onBegin = resolve
    })
    await within(begun, ms)
  }
}

/** The runtime posts the response in the turns after the handler's end. A first `fetch` takes long to set up. */
async function responseSent(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
