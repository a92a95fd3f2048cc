/**
 * What is used of Workers' own types, structurally: `@cloudflare/workers-types` fits them, and none of it is in the
 * published types. https://developers.cloudflare.com/workers/runtime-apis/
 */

/** What every `ctx` has. */
export interface WorkerContext {
  waitUntil(promise: Promise<unknown>): void
  passThroughOnException(): void
}

// biome-ignore lint/suspicious/noExplicitAny: nothing here looks at it
type Whatever = any

/** `ctx` as a handler sees it: what takes the runtime's own `ExecutionContext`, such as a router, takes this too. */
export interface HandlerContext extends WorkerContext {
  readonly exports: Whatever
  readonly props: Whatever
  readonly tracing: Whatever
  abort(reason?: unknown): void
  mapVirtualHost(fetcher: Whatever, port: number): string
}

/** What `scheduled()` gets. */
export interface CronController {
  readonly scheduledTime: number
  readonly cron: string
  noRetry(): void
}

interface RetryOptions {
  delaySeconds?: number
}

/** A message of a queue. */
export interface QueueMessage {
  readonly id: string
  readonly timestamp: Date
  /** From 1 on. */
  readonly attempts: number
  readonly body: Whatever
  ack(): void
  retry(options?: RetryOptions): void
}

/** What `queue()` gets. */
export interface QueueBatch {
  readonly queue: string
  readonly messages: readonly QueueMessage[]
  ackAll(): void
  retryAll(options?: RetryOptions): void
}

/** The binding of a queue. */
export interface QueueProducer {
  send(message: unknown, options?: { contentType?: 'json' }): Promise<unknown>
}

/** What `email()` gets. */
export interface IncomingEmail {
  readonly from: string
  readonly to: string
  readonly headers: Headers
  readonly raw: ReadableStream
  readonly rawSize: number
  setReject(reason: string): void
  forward(to: string, headers?: Headers): Promise<unknown>
  reply(message: Whatever): Promise<unknown>
}

/** What another Worker did. https://developers.cloudflare.com/workers/runtime-apis/handlers/tail/ */
export interface TailItem {
  readonly scriptName: string | null
  readonly outcome: string
  readonly eventTimestamp: number | null
  readonly event: unknown
  readonly logs: readonly { readonly timestamp: number; readonly level: string; readonly message: unknown }[]
  readonly exceptions: readonly {
    readonly timestamp: number
    readonly name: string
    readonly message: string
  }[]
}

export interface AlarmInfo {
  readonly isRetry: boolean
  /** From 0 on. */
  readonly retryCount: number
  /** Milliseconds since the epoch. */
  readonly scheduledTime?: number
}

/** `ctx` of a Durable Object. https://developers.cloudflare.com/durable-objects/api/state/ */
export interface ObjectContext extends Pick<WorkerContext, 'waitUntil'> {
  readonly storage: ObjectStorage
  blockConcurrencyWhile(work: () => Promise<void>): Promise<void>
}

/** What both the storage and a transaction of it have. */
export interface AlarmStorage {
  put(entries: Record<string, unknown>): Promise<void>
  delete(key: string): Promise<boolean>
  getAlarm(): Promise<number | null>
  setAlarm(scheduledTime: number | Date): Promise<void>
  deleteAlarm(): Promise<void>
}

export interface ObjectTransaction extends AlarmStorage {
  rollback(): void
}

export interface ObjectStorage extends AlarmStorage {
  /** Its properties throw where the class has no SQLite. */
  readonly sql?: { readonly databaseSize: number }
  get(key: string): Promise<unknown>
  list(options: { prefix: string }): Promise<Map<string, unknown>>
  deleteAll(options?: unknown): Promise<void>
  transaction(
    closure: (tx: ObjectTransaction) => Promise<unknown>,
    ...options: readonly unknown[]
  ): Promise<unknown>
  transactionSync(closure: () => unknown): unknown
  /** Resolves when all that was written is durable. */
  sync(): Promise<void>
}
