import type { AsyncDisposeKey } from './async-dispose.ts'
import type { WaitUntil } from './config.ts'
import type { AnyEvents, EventContext, EventMap, IdentifyInput, Identity, TrackInput } from './event-types.ts'
import type { IfDown } from './flush.ts'
import type { FlushResult } from './flush-result.ts'

/** Limits of one flush. */
export interface FlushOptions {
  /** Budget in milliseconds; what doesn't fit stays queued and is counted `pending`. 0 sends nothing. @default none */
  timeoutMs?: number | undefined
  /** Ends the flush early; what is not settled stays queued. */
  signal?: AbortSignal | undefined
  /**
   * While the API is known to be down: `try` sends all the same, `skip` returns at once with the events pending,
   * `wait` waits a few seconds for it to come back, and then fails as `try` does. @default 'try'
   */
  ifDown?: IfDown | undefined
}

/** The profiles that `alias()` merges. */
export interface AliasInput {
  /** The id that survives. */
  userId: string
  /** A device's id to fold in. At least one of `anonymousId` and `previousId` is required. */
  anonymousId?: string | undefined
  /** An earlier user id to fold in. */
  previousId?: string | undefined
  /** Echoed by the API, for log correlation. */
  requestId?: string | undefined
}

/** The API's answer to `alias()`. */
export interface AliasResult {
  alias: {
    /** The id that survived. */
    user_id: string
    anonymous_id?: string
    previous_id?: string
    /** ISO 8601. */
    merged_at: string
    [field: string]: unknown
  }
}

/** Why a profile is erased: a person's request under the GDPR or the CCPA, a customer's, or your own. */
export type EraseReason = 'gdpr_dsr' | 'ccpa_dsr' | 'customer_request' | 'internal'

/** The profile that `erase()` erases. */
export interface EraseInput {
  /** Any of the profile's ids. */
  id: string
  /** Kept with the erasure. */
  reason: EraseReason
  /** For log correlation. */
  requestId?: string | undefined
}

/** The API's answer to `erase()`: it erases later. */
export interface EraseResult {
  /** To ask the API's support with. */
  erasure_id: string
  /** Profiles that will be erased. */
  profiles_targeted: number
  /** Their events, which will be erased too. */
  events_targeted: number
  /** Until when it is done at the latest, ISO 8601. */
  completes_by: string
}

/** What `with()` binds. */
export interface Binding extends Identity {
  /** Merged into every event, over `defaultContext` and under the call's own. */
  context?: EventContext | undefined
  /** The lifetime of one invocation, in place of the client's. */
  waitUntil?: WaitUntil | undefined
}

/**
 * A client. `await using` shuts it down, or flushes where it is one of `with()`, and never throws. Every method that
 * returns a promise may be left un-awaited: a failure is logged, never an unhandled rejection.
 */
export interface GFluxNode<Events extends EventMap<Events> = AnyEvents>
  extends Readonly<Record<AsyncDisposeKey, () => Promise<void>>> {
  /**
   * Queues an event. Its `name` is snake_case, of 1 to 64 characters; it needs a `userId` or an `anonymousId`, here or
   * bound by `with()`. Resolves to `null` while it is queued, or to the flush's result where it triggered one.
   *
   * @throws {GFluxNodeError} `validation_error`, `queue_overflow` (nothing was queued), `client_closed`; where it
   * triggered a flush, also what {@link GFluxNode.flush} rejects with.
   */
  track<Name extends keyof Events & string>(
    name: Name,
    ...input: Record<never, never> extends TrackInput<Events[Name]>
      ? [input?: TrackInput<Events[Name]>]
      : [input: TrackInput<Events[Name]>]
  ): Promise<FlushResult | null>

  /**
   * Links a device to a known user. Queued like an event; needs both ids, here or bound by `with()`.
   *
   * @throws {GFluxNodeError} as {@link GFluxNode.track}.
   */
  identify(input: IdentifyInput): Promise<FlushResult | null>

  /**
   * Merges profiles, at once and not through the queue. Needs a server key.
   *
   * @throws {GFluxNodeError} `validation_error`, `client_closed`, or what the transport and the API came to
   * (`details.error` is `alias_conflict` on 409).
   */
  alias(input: AliasInput): Promise<AliasResult>

  /**
   * Erases a profile (GDPR, CCPA), at once and not through the queue. Needs a server key.
   *
   * @throws {GFluxNodeError} as `alias()` (`details.error`: `not_found`, `erasure_in_progress`).
   */
  erase(input: EraseInput): Promise<EraseResult>

  /**
   * Sends what is queued now. Settles when every event queued at the call is settled, or the budget is spent: then the
   * rest is counted `pending` and stays queued.
   *
   * @throws {GFluxNodeError} when retries are exhausted (the events stay queued) or the API refused a batch (they are
   * dropped). `error.result` tells what became of every event.
   */
  flush(options?: FlushOptions): Promise<FlushResult>

  /**
   * Flushes and closes the queue, of a client of `with()` as well: later calls reject with `client_closed`. Where the API
   * is down it waits some seconds for it to come back, within `timeoutMs`. Call it again to send what was still pending.
   *
   * @throws {GFluxNodeError} as {@link GFluxNode.flush}.
   */
  shutdown(options?: { timeoutMs?: number | undefined }): Promise<FlushResult>

  /**
   * A client on the same queue with an identity, context or lifetime of its own: one for each request. Costs nothing.
   *
   * @throws {GFluxNodeError} `validation_error`, at once.
   */
  with(binding: Binding): GFluxNode<Events>
}
