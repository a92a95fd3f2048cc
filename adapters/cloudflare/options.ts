import type { EventContext } from '../../src/index.ts'
import type { OpenDurableQueue } from './durable-queue.ts'

/** `undefined` means the default. */
export interface CloudflareOptions<Env = unknown> {
  /**
   * What the flush of one invocation may take, in milliseconds. @default 30000 behind `waitUntil`; 5000 where the flush
   * is awaited, in Durable Objects and Workflows
   */
  timeoutMs?: number | undefined
  /**
   * Context of the events of one invocation, from what started it (`undefined` in a class, but for its `fetch`) and
   * `env`; such as {@link cloudflareContext}. @default none
   */
  context?: ((event: unknown, env: Env) => EventContext) | undefined
  /**
   * For Durable Objects: {@link durableQueue}, with which batches are put into the object's storage and sent from its
   * alarm, so that no response waits for the API and an eviction loses nothing. @default none
   */
  durableQueue?: OpenDurableQueue | undefined
}
