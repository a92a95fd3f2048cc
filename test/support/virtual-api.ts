import type { FetchInit, FetchResponse } from '../../src/ports.ts'
import type { Invocation, VirtualClock } from './virtual-clock.ts'

const KEY_LIFE_MS = 24 * 60 * 60 * 1000
const MAX_EVENTS = 50
const MAX_BYTES = 256 * 1024
const UUID = /^[\da-f]{8}-[\da-f]{4}-[1-8][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/

/** What becomes of one request. */
export interface Fate {
  /** What comes back: a status, or something worse. @default 202 */
  readonly gets?: number | 'hang' | 'reset' | 'refused' | 'truncated' | 'not-json' | 'wrong-shape'
  /** Did the API do its work all the same? @default as the status or the kind of damage suggests */
  readonly stores?: boolean
  /** From the request to its answer; half of it passes before the API sees the request. @default 20 */
  readonly latencyMs?: number
  /** Says what time it is, by a clock that is so many milliseconds ahead. @default says nothing */
  readonly clockAheadMs?: number
  /** Seconds, the text of the header, or an HTTP date that many seconds later. */
  readonly retryAfter?: number | string | { readonly dateIn: number } | undefined
  /** The body of a status: text as it is, an object as JSON. @default the API's own words */
  readonly body?: string | object
  /** It never hears of the client's abort. */
  readonly ignoresAbort?: boolean
}

export interface StoredEvent {
  readonly event: string
  readonly properties?: Readonly<Record<string, unknown>>
  readonly [field: string]: unknown
}

/** One request, as the client sees it. */
export interface ApiCall {
  readonly path: string
  readonly key: string
  readonly body: string
  readonly events: readonly StoredEvent[]
  readonly init: FetchInit
  readonly fate: Fate
  readonly sentAt: number
  readonly invocation: Invocation
  /** What was sent back, once it has arrived: the status, or how the connection ended. */
  got?: number | 'reset' | 'refused' | 'truncated' | 'not-json' | 'wrong-shape'
  arrivedAt?: number
  retryAfter?: string
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** The ingest API by the contract, in memory and in virtual time, far quicker than real requests are. */
export class VirtualApi {
  /** What becomes of the next requests, then of the later ones. */
  next: Fate[] = []
  otherwise: (call: ApiCall) => Fate = () => ({})
  /** A batch with more events is a 413. */
  maxEvents = Infinity
  /** An event that breaks a rule. */
  isBad: (event: StoredEvent) => boolean = () => false
  readonly calls: ApiCall[] = []
  readonly events: StoredEvent[] = []
  /** Where the client broke the contract. */
  readonly violations: string[] = []
  onCall: (call: ApiCall) => void = () => undefined
  /** An answer is about to reach a client that still waits for it. */
  onArrival: (call: ApiCall) => void = () => undefined
  readonly #clock: VirtualClock
  readonly #answers = new Map<string, { at: number; answer: Answer }>()
  readonly #calls = new Map<string, ApiCall>()
  readonly #hanging = new Set<() => void>()
  #isCutOff = false
  #requestIds = 0

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  /** Requests the client waits for. */
  get inFlight(): readonly ApiCall[] {
    return this.calls.filter(isInFlight)
  }

  fetch = (url: string, init: FetchInit): Promise<FetchResponse> => {
    const call = this.#open(url, init)
    const { latencyMs = 20, gets = 202, ignoresAbort } = call.fate
    let resolve!: (response: FetchResponse) => void
    let reject!: (error: unknown) => void
    const promise = new Promise<FetchResponse>((onResponse, onError) => {
      resolve = onResponse
      reject = onError
    })
    if (!ignoresAbort) init.signal.addEventListener('abort', () => reject(init.signal.reason), { once: true })
    const die = (): void => {
      if (!isInFlight(call)) return
      this.#arrive(call, 'reset')
      reject(new TypeError('fetch failed', { cause: new Error('read ECONNRESET') }))
    }
    const refuse = (): void => {
      if (!isInFlight(call)) return
      this.#arrive(call, 'refused')
      reject(new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:443') }))
    }
    this.#clock.world(latencyMs / 2, () => {
      const answer = this.#process(call)
      if (gets === 'hang') this.#isCutOff ? this.#clock.answer(0, die) : this.#hanging.add(die)
      else if (!call.invocation.isAbandoned) {
        this.#clock.answer(latencyMs / 2, () => {
          if (gets === 'reset') die()
          else if (gets === 'refused') refuse()
          else if (isInFlight(call)) resolve(this.#respond(call, answer))
        })
      }
    })
    return promise
  }

  /** What hangs is cut off, now and later. */
  cutOff(): void {
    this.#isCutOff = true
    for (const die of this.#hanging) this.#clock.answer(0, die)
    this.#hanging.clear()
  }

  #open(url: string, init: FetchInit): ApiCall {
    const { headers, body } = init
    const key = String(headers['x-idempotency-key'])
    const path = new URL(url).pathname
    const { events } = this.#calls.get(key) ?? { events: JSON.parse(body).events ?? [] }
    const { invocation } = this.#clock
    const sent = { path, key, body, events, init, fate: {}, sentAt: this.#clock.now(), invocation }
    const call = { ...sent, fate: this.next.shift() ?? this.otherwise(sent) }
    this.#check(call)
    if (!this.#calls.has(key)) this.#calls.set(key, call)
    this.calls.push(call)
    this.onCall(call)
    return call
  }

  #check({ path, key, body, events, init, invocation }: ApiCall): void {
    const { headers, method, redirect, signal } = init
    const first = this.#calls.get(key)
    const bytes = Buffer.byteLength(body)
    const rules: [isKept: boolean, rule: string][] = [
      [UUID.test(key), `a key is a UUID, not ${key}`],
      [method === 'POST' && redirect === 'manual', 'a POST that follows no redirect'],
      [headers['authorization']?.startsWith('Bearer gflux_') === true, 'a bearer token'],
      [headers['content-type'] === 'application/json', 'JSON'],
      [!first || (first.body === body && first.path === path), `key ${key} always carries the same bytes`],
      [bytes <= MAX_BYTES, `at most ${MAX_BYTES} bytes, not ${bytes}`],
      [events.length <= MAX_EVENTS, `at most ${MAX_EVENTS} events, not ${events.length}`],
      [events.length > 0 || path !== '/v1/events/batch', 'at least one event'],
      [!signal.aborted, 'a signal that is not aborted'],
      [!invocation.isAbandoned, 'an abandoned invocation sends nothing'],
    ]
    for (const [isKept, rule] of rules) if (!isKept) this.violations.push(`Expected ${rule}`)
  }

  /** What the API does when the request gets there. */
  #process(call: ApiCall): Answer {
    const { fate, key, events } = call
    const { gets = 202, stores = gets === 202 || /truncated|not-json|wrong-shape/.test(String(gets)) } = fate
    const status = typeof gets === 'number' ? gets : 202
    const { body = { error: errorCodeOf(status), detail: `it had to be ${status}` } } = fate
    const worded = { status, text: typeof body === 'string' ? body : JSON.stringify(body) }
    if (!stores) return worded
    const now = this.#clock.now()
    const known = this.#answers.get(key)
    if (known && now - known.at < KEY_LIFE_MS) return status === 202 ? known.answer : worded
    if (events.length > this.maxEvents) {
      return { status: 413, text: JSON.stringify({ error: 'payload_too_large', detail: 'too many events' }) }
    }
    const answer = this.#store(call)
    this.#answers.set(key, { at: now, answer })
    return status === 202 && !fate.body ? answer : worded
  }

  #store({ path, events, body }: ApiCall): Answer {
    if (path !== '/v1/events/batch') return { status: 200, text: JSON.stringify({ alias: JSON.parse(body) }) }
    const rejections = events.flatMap((event, index) => {
      if (this.isBad(event)) return { index, error: 'validation_error', detail: 'it is bad' }
      this.events.push(event)
      return []
    })
    const answer = {
      accepted: events.length - rejections.length,
      rejected: rejections.length,
      request_id: `req_${++this.#requestIds}`,
      ...(rejections.length && { errors: rejections }),
    }
    return { status: 202, text: JSON.stringify(answer) }
  }

  #respond(call: ApiCall, { status, text }: Answer): FetchResponse {
    const { clockAheadMs = 0, retryAfter } = call.fate
    const now = this.#clock.now() + clockAheadMs
    const headers = new Headers()
    if (clockAheadMs) headers.set('date', httpDate(now, { dateIn: 0 }))
    const damage = status === 202 ? call.fate.gets : status
    if (retryAfter !== undefined) {
      const header = typeof retryAfter === 'object' ? httpDate(now, retryAfter) : retryAfter
      call.retryAfter = String(header)
      headers.set('retry-after', call.retryAfter)
    }
    this.#arrive(call, typeof damage === 'string' && damage !== 'hang' ? damage : status)
    const texts: Record<string, string> = {
      'not-json': '<!doctype html><title>It works</title>',
      'wrong-shape': '{"accepted":"all"}',
    }
    return {
      status,
      headers,
      text: () =>
        damage === 'truncated'
          ? Promise.reject(new TypeError('terminated'))
          : Promise.resolve(texts[String(damage)] ?? text),
    }
  }

  #arrive(call: ApiCall, got: NonNullable<ApiCall['got']>): void {
    call.got = got
    call.arrivedAt = this.#clock.now()
    this.onArrival(call)
  }
}

/** Does the client still wait for it? */
export function isInFlight({ got, init, invocation }: ApiCall): boolean {
  return got === undefined && !init.signal.aborted && !invocation.isAbandoned
}

/** HTTP dates know no milliseconds. */
function httpDate(now: number, { dateIn }: { readonly dateIn: number }): string {
  return new Date(Math.ceil(now / 1000 + dateIn) * 1000).toUTCString()
}

function errorCodeOf(status: number): string {
  const codes: Record<number, string> = {
    400: 'validation_error',
    401: 'unauthenticated',
    403: 'forbidden',
    408: 'timeout',
    413: 'payload_too_large',
    425: 'too_early',
    429: 'rate_limited',
  }
  return codes[status] ?? 'server_error'
}
