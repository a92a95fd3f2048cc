import type {
  AliasInput,
  AliasResult,
  Binding,
  EraseInput,
  EraseResult,
  FlushOptions,
  GFluxNode,
} from './client-types.ts'
import { assertAmount, assertFunction, type GFluxNodeConfig, resolveConfig } from './config.ts'
import { Cycle } from './cycle.ts'
import { Delivery } from './delivery.ts'
import { expect, GFluxNodeError } from './errors.ts'
import {
  assertSize,
  createEvent,
  type EventSource,
  id,
  plainObject,
  serializeEvent,
  userId,
} from './event.ts'
import type {
  AnyEvents,
  EventContext,
  EventMap,
  GFluxEvent,
  IdentifyInput,
  TrackInput,
} from './event-types.ts'
import type { FlushResult } from './flush-result.ts'
import { createPorts } from './ports.ts'
import { aliasCall, callApi, eraseCall, type ProfileCall } from './profile-call.ts'
import type { QueuedEvent } from './queue.ts'
import { auditContext } from './runtime.ts'

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
  const delivery = new Delivery(resolved, createPorts(resolved.fetch))
  return createClient<Events>(delivery)
}

/** A client on given ports. */
export function createClient<Events extends EventMap<Events>>(delivery: Delivery): GFluxNode<Events> {
  const { defaultContext, includeRuntimeContext, waitUntil } = delivery.config
  const audit = auditContext(includeRuntimeContext)
  return new Client<Events>(delivery, audit, { context: { ...defaultContext, ...audit }, waitUntil })
}

/** Node 18.0 has no `Symbol.asyncDispose`; TypeScript and esbuild then use this one. */
const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')

class Client<Events extends EventMap<Events>> implements GFluxNode<Events> {
  readonly #delivery: Delivery
  readonly #audit: EventContext
  readonly #bound: Binding & { context: EventContext }
  readonly #cycle: Cycle | undefined

  constructor(delivery: Delivery, audit: EventContext, bound: Binding & { context: EventContext }) {
    this.#delivery = delivery
    this.#audit = audit
    this.#bound = bound
    this.#cycle = bound.waitUntil && new Cycle(delivery, bound.waitUntil)
  }

  track<Name extends keyof Events & string>(
    name: Name,
    input?: TrackInput<Events[Name]>,
  ): Promise<FlushResult | null> {
    return this.#handled(() => this.#enqueue({ ...plainObject('input', input), name }))
  }

  identify(input: IdentifyInput): Promise<FlushResult | null> {
    return this.#handled(() => {
      const { traits, ...rest } = plainObject<IdentifyInput>('input', input, {})
      const properties = { traits: plainObject('traits', traits, {}) }
      return this.#enqueue({ ...rest, name: 'identify', properties }, true)
    })
  }

  alias(input: AliasInput): Promise<AliasResult> {
    return this.#call(() => aliasCall(input)) as Promise<AliasResult>
  }

  erase(input: EraseInput): Promise<EraseResult> {
    return this.#call(() => eraseCall(input)) as Promise<EraseResult>
  }

  flush(options: FlushOptions = {}): Promise<FlushResult> {
    return this.#handled(() => this.#flush(options))
  }

  shutdown({ timeoutMs }: { timeoutMs?: number | undefined } = {}): Promise<FlushResult> {
    const delivery = this.#delivery
    delivery.stopTimer()
    delivery.isClosed = false
    const flushed = this.#handled(() => this.#flush({ timeoutMs }))
    delivery.isClosed = true
    return flushed
  }

  with(binding: Binding): GFluxNode<Events> {
    const { anonymousId, context, waitUntil } = plainObject<Binding>('binding', binding, {})
    assertFunction('waitUntil', waitUntil)
    const bound = this.#bound
    return new Client(this.#delivery, this.#audit, {
      anonymousId: id('anonymousId', anonymousId) ?? bound.anonymousId,
      userId: userId(binding) ?? bound.userId,
      context: { ...bound.context, ...plainObject('context', context), ...this.#audit },
      waitUntil: waitUntil ?? bound.waitUntil,
    })
  }

  async [asyncDispose](): Promise<void> {
    await this.shutdown().catch(() => undefined) // logged; a block that threw must keep its own error
  }

  /** Queues an event: the call's input over what is bound. */
  #enqueue(
    input: Partial<EventSource> & { name: string },
    needsBothIds = false,
  ): Promise<FlushResult | null> {
    const { anonymousId, userId: user, externalId } = input
    const bound = this.#bound
    const source: EventSource = {
      ...input,
      anonymousId: anonymousId === undefined ? bound.anonymousId : anonymousId,
      userId: user === undefined && externalId === undefined ? bound.userId : user,
      contexts: [bound.context, this.#audit],
      nowMs: this.#delivery.ports.now(),
    }
    if (needsBothIds) {
      id('anonymousId', source.anonymousId, true)
      id('userId', userId(source), true)
    }
    const event = this.#serialize(source)
    const flushed = event && this.#delivery.enqueue(event)
    if (event) this.#cycle?.add(event)
    return flushed ?? Promise.resolve(null)
  }

  /** Serialises the event, after `beforeSend` had its say on a copy. */
  #serialize(source: EventSource): QueuedEvent | undefined {
    const { beforeSend } = this.#delivery.config
    let event = serializeEvent(createEvent(source))
    if (beforeSend) {
      const copy = beforeSend(JSON.parse(event.json))
      if (copy === null) return undefined
      expect(copy, 'beforeSend', 'a function that returns an event or null', copy)
      const {
        event: name,
        anonymous_id: anonymousId,
        external_id: user,
        ...rest
      } = plainObject<GFluxEvent>('beforeSend', copy, {})
      const contexts = [this.#audit, this.#audit] as const
      event = serializeEvent(
        createEvent({ ...rest, name, anonymousId, userId: user, contexts, nowMs: source.nowMs }),
      )
    }
    assertSize(event)
    return event
  }

  #flush({ timeoutMs, signal, ifDown = 'try' }: FlushOptions): Promise<FlushResult> {
    if (timeoutMs !== undefined) assertAmount('timeoutMs', timeoutMs)
    const deadline = this.#delivery.ports.now() + (timeoutMs ?? Infinity)
    return this.#delivery.flushAll({ deadline, signal, ifDown })
  }

  #call(call: () => ProfileCall): Promise<unknown> {
    return this.#handled(() => {
      const { token } = this.#delivery.config
      expect(!token.startsWith('gflux_pub_'), 'token', 'a server key (gflux_secret_…)', token)
      return callApi(this.#delivery, call())
    })
  }

  /**
   * A rejection for whoever awaits it, never an unhandled one for whoever doesn't: then a refused call is in the log,
   * as a failed flush is.
   */
  #handled<Result>(call: () => Promise<Result>): Promise<Result> {
    const { isClosed, log } = this.#delivery
    let promise: Promise<Result>
    try {
      if (isClosed) throw new GFluxNodeError('client_closed', 'The client was shut down')
      promise = call()
    } catch (cause) {
      const error = GFluxNodeError.is(cause)
        ? cause
        : new GFluxNodeError('validation_error', 'A getter, a toJSON or a beforeSend threw', { cause })
      log.warn(`A call was refused: ${error.code}`, { error: error.message })
      promise = Promise.reject(error)
    }
    promise.catch(() => undefined)
    return promise
  }
}
