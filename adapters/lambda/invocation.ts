import { beginInvocation } from '../../src/adapter.ts'
import { type Flushable, flushAfter } from '../../src/index.ts'
import { budgetMs, type Limits } from './options.ts'
import type { LambdaContext } from './platform.ts'
import { type RegisteredExtension, registeredExtension } from './registry.ts'
import { flushAtShutdown } from './shutdown.ts'
import type { Part, Span } from './span.ts'

/** What becomes of one wrapper's events when an invocation ends. */
export class Invocation implements Part {
  readonly #gflux: Flushable
  readonly #context: LambdaContext | undefined
  readonly #limits: Limits
  readonly #extension: RegisteredExtension | undefined
  /** Holds the environment in after-response mode. */
  readonly #span: Span | undefined
  readonly #endHandler: () => void

  constructor(gflux: Flushable, context: LambdaContext | undefined, limits: Limits) {
    this.#gflux = gflux
    this.#context = context
    this.#limits = limits
    this.#extension = registeredExtension()
    this.#span = this.#extension?.begin(context, this)
    this.#endHandler = beginInvocation(gflux)
    flushAtShutdown(gflux)
  }

  /** Resolves when the response may go: at once in after-response mode, else when the flush is over. */
  async end(maxFlushMs?: number): Promise<void> {
    this.#endHandler()
    if (this.#span && this.#extension?.flushAfterResponse(this.#span, this)) return
    await this.flush(maxFlushMs)
    this.#span?.close(this)
  }

  /** Nobody will tell when this invocation ends: the events have to go before its response. */
  endUnseen(): void {
    this.#endHandler()
    this.#extension?.giveUp('the handler returns no promise')
    this.#span?.close(this)
    void this.flush() // keeps the event loop busy, and Node 22 and older answer when it is empty
  }

  /** Never rejects. */
  flush(maxFlushMs: number = Infinity): Promise<void> {
    return flushAfter(this.#gflux, undefined, {
      timeoutMs: () => Math.min(maxFlushMs, budgetMs(this.#context, this.#limits)),
    })
  }
}
