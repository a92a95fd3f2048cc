/** Names of events and the properties of each: `{ invoice_paid: { total_usd: number } }`. */
export type EventMap<Events> = { [Name in keyof Events]: object }

// biome-ignore lint/suspicious/noExplicitAny: only `any` lets interfaces, which have no index signature, through
type AnyFields = Record<string, any>

/** Without an event map, every name and every property is accepted. */
export type AnyEvents = Record<string, AnyFields>

/** Free-form context. The SDK's own `library` and `runtime` always win. */
export type EventContext = AnyFields

/** Who an event belongs to: at least one of the three, each a non-empty string. */
export interface Identity {
  /** Your application's own id of a known user. */
  userId?: string | undefined
  /** Another name for `userId`. Where both are given they must match. */
  externalId?: string | undefined
  /** The browser SDK's id of a device. */
  anonymousId?: string | undefined
}

/** What `track()` and `identify()` have in common. */
interface CallInput extends Identity {
  /** Merged over what `defaultContext` and `with()` give; JSON values. */
  context?: EventContext | undefined
  /** When it happened: a `Date` or an ISO 8601 string. @default the time of the call */
  timestamp?: Date | string | undefined
}

/** What an event is made of, besides its name. */
export interface EventInput extends CallInput {
  properties?: object | undefined
}

/** The input of `track()`. `properties` holds at most 32 keys; the event as JSON at most 32 KB. */
export type TrackInput<Properties> = CallInput &
  (Record<never, never> extends Properties
    ? { properties?: Properties | undefined }
    : { properties: Properties })

/** The input of `identify()`. Both ids are required, here or bound with `with()`. */
export interface IdentifyInput extends CallInput {
  /** What is known of the user, such as `email` or `plan`. */
  traits?: AnyFields | undefined
}

/** An event as the API takes it, and as `beforeSend` and `onDrop` get it. */
export interface GFluxEvent {
  /** The event's name. */
  event: string
  /** The call's `anonymousId`. */
  anonymous_id?: string | undefined
  /** The call's `userId`. */
  external_id?: string | undefined
  /** Those of `track()`; the `traits` of `identify()` under that name. */
  properties?: Record<string, unknown> | undefined
  /** ISO 8601. Not there where it was tracked in Workers' global scope, which has no clock. */
  timestamp: string
  /** All that applies, merged; the SDK's `library` and `runtime` among it. */
  context: Record<string, unknown>
}
