import { type ClientInside, insideOf } from '../../src/adapter.ts'
import { type EventMap, type GFluxNode, initGFluxNode } from '../../src/index.ts'
import type { AlarmInfo, ObjectContext } from './platform.ts'
import { retryDelayMs } from './retry-delay.ts'
import { shareAlarm } from './shared-alarm.ts'
import { storeBatches } from './stored-batches.ts'

/** How long an alarm sends, in milliseconds: so long the object's own may have to wait. */
const budgetMs = 10_000

/** An instance of a Durable Object class. */
export interface DurableInstance {
  alarm?(info: AlarmInfo): unknown
}

export interface DurableQueue<Events extends EventMap<Events>> {
  readonly gflux: GFluxNode<Events>
  /** Calls a method of the object: what it tracked is stored before its result is given. */
  readonly storing: (call: () => unknown) => Promise<unknown>
}

/** A client of the same configuration whose queue is kept in an object's storage, and sent from the object's alarm. */
export function openDurableQueue<Events extends EventMap<Events>>(
  client: GFluxNode<Events>,
  ctx: ObjectContext,
  instance: DurableInstance,
): DurableQueue<Events> {
  const { config } = insideOf(client) as ClientInside
  // Nothing but the alarm flushes, so that no response waits for the API.
  const quiet = { waitUntil: undefined, flushIntervalMs: 0, flushAt: config.maxQueueSize }
  const gflux = initGFluxNode<Events>({ ...config, ...quiet })
  const inside = insideOf(gflux) as ClientInside
  const alarm = shareAlarm(ctx.storage)
  const batches = storeBatches(ctx.storage, inside, alarm.schedule)
  let failures = 0
  void ctx.blockConcurrencyWhile(async () => {
    await alarm.load()
    await batches.load()
  })

  const send = async (): Promise<number | undefined> => {
    await gflux.flush({ timeoutMs: budgetMs }).catch(() => undefined) // is in the log
    const { batches: left, size } = inside.queue
    const pausesMs = left.flatMap(({ error }) => (error ? (error.retryAfterMs ?? 0) : []))
    failures = pausesMs.length && failures + 1
    return size ? Date.now() + (failures && retryDelayMs(failures, Math.max(...pausesMs))) : undefined
  }
  const users = instance.alarm
  instance.alarm = (info) => alarm.run(info, { users: async () => users?.call(instance, info), ours: send })
  const storing = async (call: () => unknown): Promise<unknown> => {
    try {
      return await call()
    } finally {
      await batches.saved()
    }
  }
  return { gflux, storing }
}
