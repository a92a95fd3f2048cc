import { type Delivery, deliveryOf } from '../../src/adapter.ts'
import { type EventMap, type GFluxNode, initGFluxNode } from '../../src/index.ts'
import { watchCriticalSections } from './critical-sections.ts'
import type { AlarmInfo, ObjectContext } from './platform.ts'
import { retryDelayMs } from './retry-delay.ts'
import { shareAlarm } from './shared-alarm.ts'
import { watchStorage } from './shared-storage.ts'
import { storeBatches } from './stored-batches.ts'
import type { Lifetime } from './worker-class.ts'

/** An instance of a Durable Object class. */
export interface DurableInstance {
  alarm?(info: AlarmInfo): unknown
}

/** A client of the same configuration whose queue is kept in an object's storage, and sent from the object's alarm. */
export function openDurableQueue<Events extends EventMap<Events>>(
  client: GFluxNode<Events>,
  ctx: ObjectContext,
  instance: DurableInstance,
): Lifetime<Events> {
  const { config } = deliveryOf(client) as Delivery
  // The alarm flushes, so that no response waits for the API.
  const quiet = { waitUntil: undefined, flushIntervalMs: 0, flushAt: config.maxQueueSize }
  const gflux = initGFluxNode<Events>({ ...config, ...quiet })
  const delivery = deliveryOf(gflux) as Delivery
  const { storage } = ctx
  const transactionEnd = watchStorage(storage, {
    ready: () => alarm.load(),
    begun: (tx) => alarm.share(tx),
    async deleted() {
      batches.restore()
      await alarm.survive()
      if (delivery.queue.size) await storage.sync() // the object may be about to end
    },
  })
  const users = instance.alarm
  const alarm = shareAlarm(storage, transactionEnd, !!users)
  const isCritical = watchCriticalSections(ctx)
  const batches = storeBatches(storage, delivery, { schedule: alarm.schedule, transactionEnd, isCritical })
  let failures = 0
  void ctx.blockConcurrencyWhile(async () => {
    await alarm.load()
    await batches.load()
  })

  const send = async (signal: AbortSignal): Promise<number | undefined> => {
    await gflux.flush({ signal }).catch(() => undefined) // is in the log
    const { batches: left, size } = delivery.queue
    const pausesMs = left.flatMap(({ error }) => (error ? (error.retryAfterMs ?? 0) : []))
    failures = pausesMs[0] === undefined && !signal.aborted ? 0 : failures + 1
    return size ? Date.now() + (failures && retryDelayMs(failures, Math.max(0, ...pausesMs))) : undefined
  }
  const run = async (call: () => unknown): Promise<unknown> => {
    try {
      return await call()
    } finally {
      await batches.saved()
    }
  }
  instance.alarm = (info) => {
    // What the user's alarm tracks is stored before ours has its turn.
    const callUsers = () => run(() => users?.call(instance, info))
    return info ? alarm.run(info, { users: callUsers, ours: send }) : callUsers() // called by other code than the runtime's
  }
  return { gflux, run }
}
