import type { GFluxNodeError } from './errors.ts'
import type { EventContext, GFluxEvent } from './event-types.ts'
import { snapshot } from './json-value.ts'
import type { Logger } from './log.ts'
import type { Fetcher, FetchFunction } from './ports.ts'
import { isBrowser } from './runtime.ts'
import { assertAmount, assertFunction, expect, expectNumber, guarded, plainObject } from './validation.ts'

/** Events that were given up for good. */
export interface DroppedEvents {
  /** In the order in which they were tracked. */
  events: GFluxEvent[]
  /** Why: the API's refusal, or `idempotency_expired`. */
  error: GFluxNodeError
}

/** Changes an event before it is queued, or drops it with `null`. Gets a copy. */
export type BeforeSend = (event: GFluxEvent) => GFluxEvent | null

/** Registers work that the platform keeps running after the response, such as `ctx.waitUntil`. */
export type WaitUntil = (promise: Promise<unknown>) => void

/** The options of {@link initGFluxNode}. `undefined` means the default. */
export interface GFluxNodeConfig {
  /** API key: `gflux_secret_…` in backend code. */
  token: string
  /** The API's origin: https, or http on a loopback address. @default 'https://api.getfluxly.com' */
  apiHost?: string | undefined
  /** Queued events that trigger a flush; 1 for per-event delivery. @default 20 */
  flushAt?: number | undefined
  /** Background flush interval in milliseconds; 0 for none: code that gets frozen can't rely on timers. @default 0 */
  flushIntervalMs?: number | undefined
  /** Retries after network errors, timeouts, 408, 425, 429 and 5xx. @default 2 */
  maxRetries?: number | undefined
  /** Time limit of one request in milliseconds; 0 for the longest, which is 5 minutes. @default 5000 */
  timeoutMs?: number | undefined
  /** Events held at most, in flight included; more are refused with `queue_overflow`. @default 1000 */
  maxQueueSize?: number | undefined
  /** Bytes of JSON held at most; more are refused with `queue_overflow`. @default 5242880 (5 MB) */
  maxQueueBytes?: number | undefined
  /** Batches in flight at once. @default 4 */
  concurrency?: number | undefined
  /** Context merged into every event, or a function that gives it at each call. @default {} */
  defaultContext?: EventContext | (() => EventContext) | undefined
  /** Adds `node_version`, `platform` and `arch` to every event's context. @default false */
  includeRuntimeContext?: boolean | undefined
  /** A function like `fetch`, or an object with one, such as a Cloudflare service binding. @default the global fetch */
  fetch?: FetchFunction | Fetcher | undefined
  /**
   * Told of retries and of what failed, such as `console`. Without one a call that isn't awaited fails silently.
   * @default none
   */
  logger?: Logger | undefined
  /** The platform's `waitUntil`: every `track()` then guarantees its own flush. @default none */
  waitUntil?: WaitUntil | undefined
  /** Changes an event before it is queued, or drops it with `null`. Gets a copy. @default none */
  beforeSend?: BeforeSend | undefined
  /** Told of events given up for good. @default none */
  onDrop?: ((dropped: DroppedEvents) => void) | undefined
}

const counts = { flushAt: 20, maxQueueSize: 1000, maxQueueBytes: 5 * 1024 * 1024, concurrency: 4 }
const amounts = { flushIntervalMs: 0, maxRetries: 2, timeoutMs: 5000 }

const DEFAULTS = {
  ...counts,
  ...amounts,
  apiHost: 'https://api.getfluxly.com',
  defaultContext: {},
  includeRuntimeContext: false,
  // Its `fetch` is looked up at each call, and called as its own method: Workers refuse any other `this`.
  fetch: globalThis,
} satisfies Partial<GFluxNodeConfig>

type Optional = 'logger' | 'waitUntil' | 'beforeSend' | 'onDrop'
export type ResolvedConfig = {
  [Key in Exclude<keyof GFluxNodeConfig, Optional>]-?: NonNullable<GFluxNodeConfig[Key]>
} & {
  [Key in Optional]?: GFluxNodeConfig[Key]
}

/** What `timeoutMs: 0` stands for, and the most that is taken: a request, and so its batch's lease, must end. */
const maxTimeoutMs = 300_000

/**
 * https, or http on a loopback address; no credentials, query or fragment. Workers of before 2022-10-31 write no path
 * where there is none.
 */
const safeUrl = /^(https:\/\/[^/?#@]+|http:\/\/(localhost|127\.[\d.]+|\[::1])(:\d+)?)(\/[^?#@]*)?$/

/** Fills in the defaults and refuses what can't work, naming the option. Reads nothing else, starts nothing. */
export function resolveConfig(config: GFluxNodeConfig): ResolvedConfig {
  const entries = guarded('config', () => Object.entries(plainObject('config', config)))
  const given = entries.filter(([, value]) => value !== undefined)
  const resolved: ResolvedConfig = { ...DEFAULTS, ...(Object.fromEntries(given) as { token: string }) }
  const { apiHost, defaultContext, fetch, logger, maxRetries, token } = resolved
  const isToken = typeof token === 'string' && /^[!-~]+$/.test(token)
  const got = token ? undefined : 'none: is its environment variable set?'
  expect(isToken, 'token', 'ASCII without white space', token, got)
  expect(!/^gflux_secret/.test(token) || !isBrowser(), 'token', 'a publishable key in a browser', token)
  for (const option of Object.keys(counts) as (keyof typeof counts)[]) {
    const value = resolved[option]
    expectNumber(Number.isInteger(value) && value > 0, option, 'a positive integer', value)
  }
  for (const option of Object.keys(amounts) as (keyof typeof amounts)[])
    assertAmount(option, resolved[option])
  expectNumber(Number.isInteger(maxRetries), 'maxRetries', 'an integer', maxRetries)
  for (const option of ['waitUntil', 'beforeSend', 'onDrop'] as const)
    assertFunction(option, resolved[option])
  assertFunction('fetch', (fetch as Fetcher | null)?.fetch ?? fetch)
  const { debug, warn = debug } = Object(logger) as Logger
  expect(logger === undefined || warn, 'logger', 'an object with `warn` or `debug`', logger)
  let href = ''
  try {
    href = new URL(apiHost).href
  } catch {
    // refused below, without the value
  }
  const host = /^[\w.:/-]+$/.test(apiHost) ? apiHost : undefined // credentials and a query are not told
  expect(safeUrl.test(href), 'apiHost', 'https, or http on loopback, without a query', apiHost, host)
  return {
    ...resolved,
    timeoutMs: Math.min(resolved.timeoutMs || maxTimeoutMs, maxTimeoutMs),
    apiHost: href.replace(/\/+$/, ''),
    defaultContext:
      typeof defaultContext === 'function' ? defaultContext : snapshot('defaultContext', defaultContext),
  }
}
