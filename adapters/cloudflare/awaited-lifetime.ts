import { type Delivery, type QueuedEvent, queuedEvents } from '../../src/adapter.ts'
import { watchCriticalSections } from './critical-sections.ts'
import { awaitedFlushMs, type Holder, runInvocation } from './invocation.ts'
import type { CloudflareOptions } from './options.ts'
import type { ObjectContext, WorkerContext } from './platform.ts'

/**
 * A Durable Object's or a Workflow's, where `waitUntil` does nothing: a result waits for the flush of what was tracked.
 * https://developers.cloudflare.com/durable-objects/api/state/#waituntil
 */
export class AwaitedLifetime implements Holder {
  readonly #ctx: Pick<WorkerContext, 'waitUntil'>
  readonly isCritical: (() => boolean) | undefined
  /** Flushes of its events, each over when these are settled or left. */
  readonly #flushes = new Set<Promise<unknown>>()

  constructor(ctx: WorkerContext | ObjectContext) {
    this.#ctx = ctx
    this.isCritical = 'storage' in ctx ? watchCriticalSections(ctx) : undefined
  }

  waitUntil(flushed: Promise<unknown>): void {
    this.#flushes.add(flushed)
    void flushed.finally(() => this.#flushes.delete(flushed))
    this.#ctx.waitUntil(flushed)
  }

  /**
   * Runs a method and passes on what it came to. Flushed are the events that this instance tracked, whoever sends them,
   * and those that nobody sees to, such as what an earlier invocation had to leave.
   */
  invoke<Result>(
    gflux: object,
    method: () => Result | PromiseLike<Result>,
    { timeoutMs = awaitedFlushMs }: Pick<CloudflareOptions, 'timeoutMs'>,
  ): Promise<Result> {
    return runInvocation(gflux, method, (delivery) => this.#flush(delivery, timeoutMs))
  }

  async #flush(delivery: Delivery, timeoutMs: number): Promise<void> {
    const now = delivery.now()
    // Who comes back from an attempt ends its lease: a lease that has run out is that of a cancelled invocation.
    const isAbandoned = ({ batch, hold }: QueuedEvent): boolean =>
      batch?.leasedUntil ? batch.leasedUntil <= now : !hold
    const isOwn = ({ hold }: QueuedEvent): boolean => !!hold && this.#flushes.has(hold)
    const events = queuedEvents(delivery).filter((event) => isOwn(event) || isAbandoned(event))
    if (!events[0]) return
    const limits = { deadline: now + timeoutMs, ifDown: 'skip' } as const
    await delivery.flush(events, limits).catch(() => undefined) // reported through the logger and onDrop
  }
}
