import type { EventContext } from '../../src/index.ts'

interface ContextSource<Env> {
  /** As a method, whose parameters may be annotated with what they are known to be. */
  contextOf(event: unknown, env: Env): EventContext
}

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
  context?: ContextSource<Env>['contextOf'] | undefined
  /**
   * For Durable Objects: events are kept in the object's storage until the API has them, and sent from its alarm, beside
   * one of its own, so that no response waits for the API and an eviction loses nothing. Takes keys of the storage that
   * begin with `__gflux:`. @default false
   */
  durableQueue?: boolean | undefined
}
