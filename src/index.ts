export type { AsyncDisposeKey } from './async-dispose.ts'
export { initGFluxNode } from './client.ts'
export type {
  AliasInput,
  AliasResult,
  Binding,
  EraseInput,
  EraseReason,
  EraseResult,
  FlushOptions,
  GFluxNode,
} from './client-types.ts'
export type { BeforeSend, DroppedEvents, GFluxNodeConfig, WaitUntil } from './config.ts'
export { GFluxNodeError, type GFluxNodeErrorCode, type GFluxNodeErrorFields } from './errors.ts'
export type {
  AnyEvents,
  EventContext,
  EventMap,
  GFluxEvent,
  IdentifyInput,
  Identity,
  TrackInput,
} from './event-types.ts'
export type { IfDown } from './flush.ts'
export type { FlushResult, RejectedEvent } from './flush-result.ts'
export { type FlushAfterOptions, type Flushable, flushAfter } from './lifecycle.ts'
export type { Logger } from './log.ts'
export type { Fetcher, FetchFunction, FetchInit, FetchResponse } from './ports.ts'
