import { beginInvocation, deliveryOf, maxTimerMs, watchCalls } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { flushWithLatecomers } from './flush-with-latecomers.ts'
import { budgetMs, type Limits, remainingMs } from './options.ts'
import type { LambdaContext } from './platform.ts'
import { type RegisteredExtension, registeredExtension } from './registry.ts'
import { rememberFirst } from './running.ts'
import { flushAtShutdown } from './shutdown.ts'
import type { Part, Span } from './span.ts'
import { addUnsettled, removeUnsettled } from './unsettled.ts'

/** How long before its flush's margin a handler that still runs is flushed: at the function's timeout it is killed. */
const lastFlushMs = 1000

/** What becomes of one wrapper's events when an invocation ends. */
export class Invocation implements Part {
  readonly #gflux: Flushable
  readonly context: LambdaContext | undefined
  readonly #limits: Limits
  readonly #extension: RegisteredExtension | undefined
  /** Holds the environment in after-response mode. */
  readonly #span: Span | undefined
  readonly #endInvocation: () => void
  readonly #settleCalls: (ms: number) => Promise<void>
  readonly #timer: NodeJS.Timeout | undefined

  constructor(gflux: Flushable, context: LambdaContext | undefined, limits: Limits) {
    this.#gflux = gflux
    this.context = context
    this.#limits = limits
    rememberFirst(context)
    this.#extension = registeredExtension()
    this.#span = this.#extension?.begin(context, this)
    this.#endInvocation = beginInvocation(gflux)
    this.#settleCalls = watchCalls(gflux)
    const leftMs = remainingMs(context) - limits.marginMs
    const delivery = deliveryOf(gflux)
    // What waits for an empty event loop before its response must not wait longer than for its flush.
    if (delivery) {
      delivery.backgroundLimits = (now) => ({ deadline: now + budgetMs(context, limits) })
      delivery.endsAt = leftMs > 0 ? delivery.now() + leftMs : Infinity // a test's own context may tell none
    }
    if (leftMs > 0 && leftMs < maxTimerMs) {
      const delayMs = leftMs - Math.min(lastFlushMs, leftMs / 4)
      this.#timer = setTimeout(() => void this.flush().then(() => this.endHandler()), delayMs).unref()
    }
    flushAtShutdown(gflux)
    addUnsettled(this)
  }

  /** Resolves when the response may go: at once in after-response mode, else when the flush is over. */
  async end(maxFlushMs?: number): Promise<void> {
    this.endHandler()
    if (this.#span && this.#extension?.flushAfterResponse(this.#span, this)) return
    await this.flush(maxFlushMs)
    this.#span?.close(this)
  }

  /** A callback will tell when this invocation ends, if anybody does: the events have to go before its response. */
  endUnseen(takesCallback: boolean): void {
    if (!takesCallback) this.endHandler()
    this.#extension?.giveUp('the handler returns no promise')
    this.#span?.close(this)
    void this.flush() // keeps the event loop busy, and Node 22 and older answer when it is empty
  }

  /** Never rejects. */
  flush(maxFlushMs: number = Infinity): Promise<void> {
    const ms = Math.min(maxFlushMs, budgetMs(this.context, this.#limits))
    return flushWithLatecomers(this.#gflux, ms, this.#settleCalls)
  }

  endHandler(): void {
    removeUnsettled(this)
    clearTimeout(this.#timer)
    this.#endInvocation()
  }
}
