export type { ApiKeyKind } from './api-key.ts'
export type { WireEvent } from './event-rules.ts'
export type {
  BrokenBodyFailure,
  DelayFailure,
  Failure,
  FailureOccurrence,
  HangFailure,
  RedirectFailure,
  ResetFailure,
  StatusFailure,
} from './failure.ts'
export type { TestIngestOptions } from './options.ts'
export type { RateLimitPlan } from './rate-limit.ts'
export type { RequestRecord } from './request-record.ts'
export type { IngestServer, ListenOptions } from './server.ts'
export type { IngestStatistics } from './statistics.ts'
export type { AliasRecord, ErasureRecord } from './store.ts'
export { createTestIngest, type TestIngest } from './test-ingest.ts'
