import type { DroppedEvents } from '../../src/index.ts'
import { type ApiCall, isInFlight, type StoredEvent, type VirtualApi } from '../support/virtual-api.ts'
import type { Invocation, VirtualClock } from '../support/virtual-clock.ts'
import type { Setup } from './operations.ts'

/** What may have become of an event; the last three are for good, and so is a refusal at the call. */
export type Fortune = 'refused' | 'queued' | 'accepted' | 'rejected' | 'dropped'

export interface Entry {
  readonly uid: number
  readonly name: string
  readonly bytes: number
  readonly isBad: boolean
  fortune: Fortune
  /** Times that `onDrop` was told of it. */
  reports: number
  /** When it was dropped, the API might have stored it, for all the client could know. */
  isDoubtful: boolean
  key?: string
}

/** What an invocation may still send. */
export interface Permit {
  readonly deadline: number
  /** The caller aborted, or the flush is over. */
  isWithdrawn: boolean
  abortedAt?: number
}

const DAY = 86_400_000
const HALF_AN_HOUR = 1_800_000
const LONGEST_LEASE_MS = 301_000
/** No lease is shorter. */
const SHORTEST_LEASE_MS = 1_000

/** What should be true of a client, worked out from what went in and out of it alone. */
export class Ledger {
  readonly entries: Entry[] = []
  readonly violations: string[] = []
  readonly permits = new Map<Invocation, Permit[]>()
  /** Until when the API asked for quiet. */
  pausedUntil = 0
  lastFreezeAt = 0
  size = 0
  bytes = 0
  readonly #clock: VirtualClock
  readonly #config: Setup['config']
  readonly #calls = new Map<string, ApiCall[]>()
  readonly #byUid = new Map<number, Entry>()
  readonly #sent: readonly ApiCall[]
  #live: ApiCall[] = []

  constructor(clock: VirtualClock, api: VirtualApi, config: Setup['config']) {
    this.#clock = clock
    this.#config = config
    this.#sent = api.calls
    api.onCall = (call) => this.#onCall(call)
    api.onArrival = (call) => this.#onArrival(call)
  }

  expect(isTrue: boolean, rule: string): void {
    if (!isTrue) this.violations.push(`${rule} (at ${this.#clock.now()})`)
  }

  /** Did any request come to nothing, for all the client knows? */
  hasFailed(): boolean {
    return this.#sent.some(({ got, init, invocation }) => {
      return got === undefined ? init.signal.aborted || invocation.isAbandoned : got !== 202
    })
  }

  hasRoomFor(bytes: number): boolean {
    const { maxQueueSize, maxQueueBytes } = this.#config
    return this.size < maxQueueSize && this.bytes + bytes <= maxQueueBytes
  }

  add(entry: Entry): void {
    this.entries.push(entry)
    this.#byUid.set(entry.uid, entry)
    if (entry.fortune !== 'queued') return
    this.size++
    this.bytes += entry.bytes
    const { maxQueueSize, maxQueueBytes } = this.#config
    this.expect(this.size <= maxQueueSize && this.bytes <= maxQueueBytes, 'the queue is bounded')
  }

  queued(): Entry[] {
    return this.entries.filter(({ fortune }) => fortune === 'queued')
  }

  onDrop({ events, error }: DroppedEvents): void {
    for (const event of events) {
      const entry = this.#entryOf(event as unknown as StoredEvent)
      entry.reports++
      if (error.code === 'validation_error') continue
      this.expect(entry.fortune === 'queued', `${entry.name} is dropped once, not when ${entry.fortune}`)
      this.#settle(entry, 'dropped')
      const calls = this.#calls.get(entry.key ?? '') ?? []
      entry.isDoubtful = calls.some(isUnknown)
      this.expect(this.#hasReason(calls, error.status), `${entry.name} is not dropped as ${error.message}`)
    }
  }

  /** Did any other flush send, or have under way, anything since then? */
  isShared(invocation: Invocation, since: number): boolean {
    const isOneOfMany = (this.permits.get(invocation)?.length ?? 0) > 1
    return (
      isOneOfMany ||
      this.#sent.some((call) => call.invocation !== invocation && (call.arrivedAt ?? Infinity) >= since)
    )
  }

  #onCall(call: ApiCall): void {
    const now = this.#clock.now()
    const { concurrency } = this.#config
    const known = this.#calls.get(call.key)
    if (known) known.push(call)
    else {
      this.#calls.set(call.key, [call])
      this.#onNewKey(call)
    }
    const isStale = known?.some(
      (before) => before !== call && isUnknown(before) && now - before.sentAt >= DAY,
    )
    this.expect(!isStale, `${call.key} is not sent again when the API may have forgotten it`)
    this.expect(now >= this.pausedUntil, `nothing is sent before ${this.pausedUntil}, as the API asked`)
    const permits = this.permits.get(call.invocation) ?? []
    const isPermitted = permits.some(({ deadline, isWithdrawn }) => !isWithdrawn && now < deadline)
    this.expect(isPermitted, 'nothing is sent after the deadline, the abort or the end')
    this.#live = [...this.#live.filter((other) => this.#isLive(other)), call]
    this.expect(this.#live.length <= concurrency, `${this.#live.length} requests in flight`)
  }

  /** Is its lease surely not over, and its attempt neither? */
  #isLive(call: ApiCall): boolean {
    const ageMs = this.#clock.now() - call.sentAt
    if (call.sentAt <= this.lastFreezeAt || call.got !== undefined || call.init.signal.aborted) return false
    if (call.invocation.isAbandoned) return ageMs < SHORTEST_LEASE_MS
    return isInFlight(call) && ageMs < LONGEST_LEASE_MS
  }

  #onNewKey({ key, events }: ApiCall): void {
    let last = 0
    for (const event of events) {
      const entry = this.#entryOf(event)
      this.expect(entry.uid > last, 'the events of a batch are in the order of their calls')
      this.expect(entry.fortune === 'queued', `${entry.name} is not sent when ${entry.fortune}`)
      const isSplit = !entry.key || this.#calls.get(entry.key)?.some(({ got }) => got === 413)
      this.expect(isSplit === true, `${entry.name} keeps its key`)
      entry.key = key
      last = entry.uid
    }
  }

  #onArrival(call: ApiCall): void {
    const { got, events, retryAfter } = call
    if (got === 202) {
      for (const event of events) {
        const entry = this.#entryOf(event)
        if (entry.fortune === 'queued') this.#settle(entry, entry.isBad ? 'rejected' : 'accepted')
      }
    } else if (retryAfter && isRetryable(got)) {
      const now = this.#clock.now()
      const delayMs = Number(retryAfter) * 1000 || Date.parse(retryAfter) - now
      if (delayMs > 0) this.pausedUntil = Math.max(this.pausedUntil, now + delayMs)
    }
  }

  /** The API refused it; or nearly a day ago it gave no answer, or none while the claim lasted. */
  #hasReason(calls: readonly ApiCall[], status: number | undefined): boolean {
    if (status === 413) return calls.some(({ got, events }) => got === status && events.length === 1)
    if (status) return !isRetryable(status) && calls.some(({ got }) => got === status)
    const before = this.#clock.now() - DAY + HALF_AN_HOUR
    return calls.some((call, index) => {
      const isLate = (call.arrivedAt ?? Infinity) >= (calls[index + 1]?.sentAt ?? Infinity)
      return call.sentAt < before && (isUnknown(call) || isLate)
    })
  }

  #settle(entry: Entry, fortune: Fortune): void {
    if (entry.fortune === 'queued') {
      this.size--
      this.bytes -= entry.bytes
    }
    entry.fortune = fortune
  }

  #entryOf({ properties }: StoredEvent): Entry {
    return this.#byUid.get(uidOf(properties)) as Entry
  }
}

export function uidOf(properties: StoredEvent['properties']): number {
  const { uid, traits } = (properties ?? {}) as { uid?: number; traits?: { uid: number } }
  return Number(uid ?? traits?.uid)
}

function isUnknown({ got }: ApiCall): boolean {
  return got !== 'refused' && (typeof got !== 'number' || (got >= 500 && got !== 503))
}

function isRetryable(got: ApiCall['got']): boolean {
  return typeof got === 'number' && (got < 400 || got >= 500 || [408, 425, 429].includes(got))
}
