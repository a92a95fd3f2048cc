import { within } from '../shared/within.ts'
import type { ExtensionsApi, InvokeEvent } from './extensions-api.ts'
import type { LambdaContext } from './platform.ts'
import { type Part, Span } from './span.ts'

/** How soon after Lambda's event the wrapper has to start: both leave Lambda together. */
const startLimitMs = 1000
/** So many invocations in a row in which none does mean that none ever will. */
const maxMisses = 2
/** The environment is let go this long before the deadline, whatever is under way. */
const marginMs = 100
const maxPauseMs = 1000

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
  /** Of the invocation that was let go last: a wrapper that starts in it later can't flush after the response. */
  #released: LambdaContext | undefined
  /** The id of the invocation that was let go before a wrapper had started in it. */
  #missed: string | undefined
  #misses = 0
  /** Work after a response that is under way. */
  readonly #work = new Set<Promise<void>>()
  /** Called when a wrapper starts, or nothing is held any more. */
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
    this.#onBegin?.()
  }

  /** A wrapper starts: the environment is held until it has closed the span, or handed it on with its work. */
  begin(context: LambdaContext | undefined, part: Part): Span | undefined {
    this.#onBegin?.()
    const requestId = context?.awsRequestId
    if (!context || requestId === undefined || requestId === this.#missed || this.#state !== 'active')
      return undefined
    if (this.#span?.requestId !== requestId || !this.#span.open.size)
      this.#span = new Span(requestId, context)
    this.#span.open.add(part)
    return this.#span
  }

  /** Flushes when the response is out, and closes the span after it; `false` where that can't be done. */
  flushAfterResponse(span: Span, part: Part): boolean {
    if (this.#state !== 'active' || span.context === this.#released) return false
    // The runtime posts the response in the turns after the handler's end, and a first `fetch` takes long to set up.
    const done = turns()
      .then(() => part.flush())
      .finally(() => {
        this.#work.delete(done)
        span.close(part)
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
    const leftMs = (): number => Math.max(0, deadlineMs - marginMs - Date.now())
    this.#missed = undefined
    if (this.#span?.context === this.#released) this.#span = undefined // a retry comes under the same id
    if (this.#span?.requestId !== requestId) {
      await this.#pause(Math.min(startLimitMs, leftMs()))
      await turns() // where the process stood still, the time is over before the runtime has got its event
    }
    if (this.#span?.requestId === requestId) {
      this.#misses = 0
      await within(this.#span.over, leftMs())
    } else {
      this.#missed = requestId
      this.#misses += 1
      if (this.#misses === maxMisses)
        this.giveUp(
          'twice in a row no wrapper began within a second: the handler is not wrapped with withGFlux, or late',
        )
    }
    this.#released = this.#span?.context
    this.#span = undefined
  }

  /** Until a wrapper starts, or nothing is held any more, or for that time. */
  async #pause(ms: number): Promise<void> {
    const begun = new Promise<void>((resolve) => {
      this.#onBegin = resolve
    })
    await within(begun, ms)
  }
}

/** Two turns of the event loop. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
