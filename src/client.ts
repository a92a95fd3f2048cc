import { asyncDispose } from './async-dispose.ts'
import type { AliasResult, Binding, EraseResult, FlushOptions, GFluxNode } from './client-types.ts'
import { type BeforeSend, type GFluxNodeConfig, resolveConfig, type WaitUntil } from './config.ts'
import { createCycle } from './cycle.ts'
import { createDelivery, type Delivery, deliveryKey, invocationTime, queuedEvents } from './delivery.ts'
import { enqueue } from './enqueue.ts'
import { GFluxNodeError } from './errors.ts'
import { type Bound, createEvent, isEventName, maxEventBytes } from './event.ts'
import type {
  AnyEvents,
  EventContext,
  EventInput,
  EventMap,
  GFluxEvent,
  IdentifyInput,
} from './event-types.ts'
import { startFlush } from './flush.ts'
import type { FlushResult } from './flush-result.ts'
import { forgetFailures } from './guard.ts'
import { snapshot } from './json-value.ts'
import { holdCall } from './lifecycle.ts'
import { createPorts } from './ports.ts'
import { aliasCall, callApi, eraseCall, type ProfileCall } from './profile-call.ts'
import type { QueuedEvent } from './queue.ts'
import { auditContext } from './runtime.ts'
import { assertAmount, assertFunction, expect, guarded, identityOf, plainObject } from './validation.ts'

/** What the dispose of a client of `with()` may take. */
const disposeMs = 30_000

/**
 * Creates a client. Does nothing else: no timer, no I/O, no randomness before the first call, so that it may stand at
 * module scope on every platform.
 *
 * @throws {GFluxNodeError} `validation_error`, naming the option.
 *
 * @example
 * ```ts
 * const gflux = initGFluxNode({ token: process.env.GFLUX_SERVER_TOKEN! })
 * await gflux.track('invoice_paid', { userId: 'user_123', properties: { total_usd: 99.99 } })
 * await gflux.flush()
 * ```
 */
export function initGFluxNode<Events extends EventMap<Events> = AnyEvents>(
  config: GFluxNodeConfig,
): GFluxNode<Events> {
  const resolved = resolveConfig(config)
  return createClient<Events>(createDelivery(resolved, createPorts(resolved.fetch)))
}

/** A client on given ports. */
export function createClient<Events extends EventMap<Events>>(delivery: Delivery): GFluxNode<Events> {
  const { defaultContext, includeRuntimeContext, waitUntil } = delivery.config
  const context = (): EventContext =>
    typeof defaultContext === 'function'
      ? plainObject('defaultContext', guarded('defaultContext', defaultContext as () => EventContext))
      : defaultContext
  return bindClient(delivery, { audit: auditContext(includeRuntimeContext), context }, waitUntil)
}

function bindClient<Events extends EventMap<Events>>(
  delivery: Delivery,
  bound: Bound,
  waitUntil: WaitUntil | undefined,
  isBound = false,
): GFluxNode<Events> {
  const { config, log, ports } = delivery
  const { audit } = bound
  const cycle = createCycle(delivery, waitUntil)

  /** Serialises the event, after `beforeSend` had its say on a copy, and queues it. */
  const record = (name: string, input: EventInput): Promise<FlushResult | null> | undefined => {
    const now = ports.now()
    let event = createEvent(name, input, bound, now)
    if (config.beforeSend) {
      const redacted = redact(config.beforeSend, event)
      if (!redacted) return undefined
      const { anonymous_id: anonymousId, external_id: userId } = redacted
      event = createEvent(redacted.event, { ...redacted, anonymousId, userId }, { audit }, now)
    }
    expect(event.bytes <= maxEventBytes, 'event', 'at most 32 KB of JSON', undefined, 'more')
    return enqueue(delivery, event, cycle)
  }

  const flush = (options?: FlushOptions): Promise<FlushResult> => {
    const { timeoutMs, signal, ifDown = 'try' } = plainObject<FlushOptions>('options', options)
    if (timeoutMs !== undefined) assertAmount('timeoutMs', timeoutMs)
    expect(['try', 'skip', 'wait'].includes(ifDown), 'ifDown', 'try, skip or wait', ifDown)
    expect(!signal || 'aborted' in Object(signal), 'signal', 'an AbortSignal', signal)
    const leftMs = invocationTime(delivery)
    return startFlush(delivery, queuedEvents(delivery), {
      deadline: delivery.now() + Math.min(timeoutMs ?? Infinity, leftMs()),
      signal,
      ifDown,
    })
  }

  const call = (profileCall: ProfileCall): Promise<unknown> => {
    expect(!config.token.startsWith('gflux_pub_'), 'token', 'a server key', config.token)
    return holdCall(delivery, callApi(delivery, profileCall), waitUntil)
  }

  /** A rejection for whoever awaits it, never an unhandled one for whoever doesn't: a refused call is in the log. */
  const handled = <Result>(
    call: string,
    start: () => Promise<Result> | undefined,
    event?: string,
  ): Promise<Result> => {
    let promise: Promise<Result> | undefined
    try {
      if (delivery.isClosed && call !== 'shutdown')
        throw new GFluxNodeError('client_closed', 'The client was shut down')
      promise = guarded('input', start)
      if (!promise) return Promise.resolve(null as Result)
    } catch (error) {
      const { code, message, stack } = error as GFluxNodeError
      const where = code === 'validation_error' && { stack } // nobody may await the call
      log.warn(`${call}() was refused: ${code}`, {
        error: message,
        ...(isEventName(event) && { event }),
        ...where,
      })
      promise = Promise.reject(error)
    }
    promise.catch(() => undefined)
    return promise
  }

  const client: GFluxNode<Events> = {
    track: (name, ...[input]) => handled('track', () => record(name, plainObject('input', input)), name),
    identify: (input) =>
      handled('identify', () => {
        const { traits, ...rest } = plainObject<IdentifyInput>('input', input)
        return record('identify', { ...rest, properties: { traits: plainObject('traits', traits) } })
      }),
    alias: (input) => handled('alias', () => call(aliasCall(input))) as Promise<AliasResult>,
    erase: (input) => handled('erase', () => call(eraseCall(input))) as Promise<EraseResult>,
    flush: (options) => handled('flush', () => flush(options)),
    shutdown: (options) =>
      handled('shutdown', () => {
        forgetFailures(delivery, 0) // it waits out no backoff: no later flush sends what it leaves
        const flushed = flush({ ifDown: 'wait', ...plainObject<FlushOptions>('options', options) })
        delivery.isClosed = true
        delivery.stopTimer?.()
        return flushed.finally(log.tellHeldBack).finally(delivery.onClose)
      }),
    with: (binding) =>
      guarded('binding', () => {
        const { context, waitUntil: lifetime = waitUntil, ...ids } = plainObject<Binding>('binding', binding)
        assertFunction('waitUntil', lifetime)
        const own = snapshot('context', context)
        const rebound = {
          ...identityOf(ids, bound),
          audit,
          context: () => ({ ...bound.context?.(), ...own }),
        }
        return bindClient(delivery, rebound, lifetime, true)
      }),
    [asyncDispose]: async () => {
      const isWithin = isBound && delivery.invocations > 0 // whose end flushes: nobody need wait
      const ended = isBound ? client.flush({ timeoutMs: disposeMs, ifDown: 'skip' }) : client.shutdown()
      if (!isWithin) await ended.catch(() => undefined) // is in the log: a block that threw must keep its own error
    },
  }
  // Not enumerable: who logs a client must not log its token.
  return Object.defineProperty(client, deliveryKey, { value: delivery })
}

function redact(beforeSend: BeforeSend, event: QueuedEvent): GFluxEvent | null {
  const result = 'beforeSend()'
  const redacted = guarded(result, () => beforeSend(JSON.parse(event.json)))
  expect(redacted !== undefined, result, 'an event or null')
  return redacted && plainObject(result, redacted)
}
