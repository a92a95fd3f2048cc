export type { ClientSource } from './client-source.ts'
export { cloudflareContext } from './context.ts'
export type { WorkerHandlers, WrappedHandlers } from './handlers.ts'
export type { CloudflareOptions } from './options.ts'
export type {
  CronController,
  HandlerContext,
  IncomingEmail,
  QueueBatch,
  QueueMessage,
  QueueProducer,
  TailItem,
  WorkerContext,
} from './platform.ts'
export { queueRelay, relayConsumer } from './queue-relay.ts'
export type { SealedBatch } from './sealed-batch.ts'
export { withGFlux } from './with-gflux.ts'
export type { WorkerClass } from './worker-class.ts'
