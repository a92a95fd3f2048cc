import { deliveryOf, register } from '../../src/adapter.ts'
import type { Flushable, WaitUntil } from '../../src/index.ts'
import type { Call } from './current-invocation.ts'
import { nextAfter } from './next-after.ts'
import { currentPrerender } from './next-scopes.ts'
import { globals, isServerless, type LifetimeSource, requestContext } from './platform.ts'
import { flushAtShutdown, holdShutdown, untilShutdown } from './shutdown.ts'

type Find = () => unknown

/** Where a lifetime may come from, in the order of asking. The names are those in the log. */
const contexts: Readonly<Record<string, Find>> = {
  '@vercel/request-context': () => requestContext('@vercel/request-context'),
  '@next/request-context': () => requestContext('@next/request-context'),
}

/** Asked after what the handler was given. */
const surroundings: Readonly<Record<string, Find>> = {
  // What holds a process holds nothing where the platform may stop it, such as `next start` in a Lambda function.
  after: () => !isServerless() && nextAfter(),
  // https://opennext.js.org/cloudflare
  OpenNext: () =>
    (globals[Symbol.for('__cloudflare-context__')] as { readonly ctx?: unknown } | undefined)?.ctx,
  // https://docs.netlify.com/build/functions/api/#netlify-specific-context-object
  Netlify: () => globals.Netlify?.context,
  // https://supabase.com/docs/guides/functions/background-tasks
  Supabase: () => globals.EdgeRuntime,
}

/**
 * Hands work to the lifetime of the request that the calling code belongs to. Asked anew at each call: several requests
 * share an instance, and none may hold another's work. Where there is none, a process of its own does the work in the
 * background, and its SIGTERM waits for it; on a serverless platform nobody does.
 *
 * @returns the name of what holds it, or `undefined`
 */
export function hold(work: Promise<unknown>, { args, options }: Call): string | undefined {
  const sources: readonly [string, Find][] = [
    ['option', () => options],
    ...Object.entries(contexts),
    // Each of them: the `waitUntil` of a Next proxy's request only throws, that of the event behind it holds.
    ...args.map((arg): [string, Find] => ['handler', () => (isEventOfH3(arg) ? arg.context : arg)]),
    ...Object.entries(surroundings),
  ]
  const held = untilShutdown(work)
  for (const [name, find] of sources) if (register(waitUntilOf(find), held)) return name
  // A prerender ends with its first wait, so none is awaited; nor does a visitor wait for it.
  if (isServerless() && !currentPrerender()) return undefined
  holdShutdown(work)
  return 'background'
}

/** Would anything hold work of the calling code? */
export function hasLifetime(): boolean {
  return Object.values({ ...contexts, ...surroundings }).some(waitUntilOf)
}

/** The lifetimes that a client's log has. */
const logged = new WeakMap<object, Set<string | undefined>>()

/** {@link hold}, with SIGTERM and the log of a client. */
export function holdFor(gflux: Flushable, work: Promise<unknown>, call: Call): boolean {
  flushAtShutdown(gflux)
  const lifetime = hold(work, call)
  const delivery = deliveryOf(gflux)
  const names = (delivery && logged.get(delivery)) ?? new Set()
  if (delivery && !names.has(lifetime)) {
    logged.set(delivery, names.add(lifetime))
    delivery.log.debug('What holds the flushes of a request', { lifetime: lifetime ?? 'none' })
  }
  return lifetime !== undefined
}

/**
 * Its `waitUntil` takes everything, whether or not anything holds the request: the platform's own is in its context.
 * https://github.com/h3js/h3/blob/main/src/event.ts, and https://github.com/nitrojs/nitro/blob/v2/src/runtime/internal/app.ts
 */
function isEventOfH3(value: unknown): value is { readonly context?: unknown } {
  const { constructor: type, __is_event__ = Object(type).__is_event__ } = Object(value)
  return __is_event__ === true
}

/** Not every context has a lifetime. Called as its method: Workers' contexts want their `this`. */
function waitUntilOf(find: Find): WaitUntil | undefined {
  try {
    const found = find()
    return isLifetime(found) ? (promise) => found.waitUntil(promise) : undefined
  } catch {
    return undefined // a platform's getter failed: the next one may work
  }
}

function isLifetime(value: unknown): value is LifetimeSource {
  return typeof (value as Partial<LifetimeSource> | null | undefined)?.waitUntil === 'function'
}
