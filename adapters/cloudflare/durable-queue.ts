import { type ClientInside, insideOf } from '../../src/adapter.ts'
import { type EventMap, type GFluxNode, initGFluxNode } from '../../src/index.ts'
import { Courier } from './courier.ts'
import { flushAtEnd } from './invocation.ts'
import type { AlarmInfo, ObjectContext } from './platform.ts'
import { type SealedBatch, SealingFetcher } from './sealed-batch.ts'
import { SharedAlarm } from './shared-alarm.ts'
import { StoredBatches } from './stored-batches.ts'

/** A value of an object without SQLite holds 128 KB, and two bytes for each character of text that isn't Latin. */
const maxBytes = 64_000

/** An instance of a Durable Object class. */
export interface DurableInstance {
  alarm?(info: AlarmInfo): unknown
}

/** Gives the client whose queue is an object's storage. */
export type OpenDurableQueue = <Events extends EventMap<Events>>(
  gflux: GFluxNode<Events>,
  ctx: ObjectContext,
  instance: DurableInstance,
) => GFluxNode<Events>

/**
 * The queue of a Durable Object in its own storage, as the option of that name: batches are stored with their idempotency
 * keys when a method of the object ends, and sent from its alarm, beside the object's own. Takes keys of the storage that
 * begin with `__gflux:`.
 *
 * @example
 * ```ts
 * const WithGFlux = withGFlux(config, Room, { durableQueue })
 * ```
 */
export function durableQueue<Events extends EventMap<Events>>(
  gflux: GFluxNode<Events>,
  ctx: ObjectContext,
  instance: DurableInstance,
): GFluxNode<Events> {
  const { config } = insideOf(gflux) as ClientInside
  const alarm = new SharedAlarm(ctx.storage)
  const batches = new StoredBatches(ctx.storage)
  const courier = new Courier(gflux)
  let isSending = false
  void ctx.blockConcurrencyWhile(async () => {
    await Promise.all([alarm.load(), batches.load()])
  })

  const store = async (batch: SealedBatch): Promise<void> => {
    await batches.add(batch)
    if (!isSending) await alarm.schedule(Date.now())
  }
  const send = async (): Promise<number | undefined> => {
    isSending = true
    try {
      return await batches.send(courier)
    } finally {
      isSending = false
    }
  }
  const fetcher = new SealingFetcher({ store, maxBytes, direct: config.fetch })
  const stored = initGFluxNode<Events>({ ...config, fetch: fetcher })
  const users = instance.alarm
  instance.alarm = (info) =>
    alarm.run(info, {
      // Flushed as a part of it: what it tracked is sent at once.
      users: () => flushAtEnd(stored, () => users?.call(instance, info), undefined, {}),
      ours: send,
    })
  return stored
}
