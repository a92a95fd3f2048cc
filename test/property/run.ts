import { createClient } from '../../src/client.ts'
import { resolveConfig } from '../../src/config.ts'
import { createDelivery } from '../../src/delivery.ts'
import { type FlushResult, type GFluxNode, GFluxNodeError } from '../../src/index.ts'
import { type ApiCall, type Fate, VirtualApi } from '../support/virtual-api.ts'
import { openVirtual, TOKEN } from '../support/virtual-client.ts'
import { type Invocation, VirtualClock } from '../support/virtual-clock.ts'
import { createVirtualPorts } from '../support/virtual-ports.ts'
import { createVirtualJournal } from './journal.ts'
import { type Entry, Ledger, type Permit, uidOf } from './ledger.ts'
import type { Call, Operation, Scenario, Setup } from './operations.ts'

interface Flush {
  readonly call: Extract<Call, { kind: 'flush' | 'shutdown' }>
  readonly covered: readonly Entry[]
  readonly permit: Permit
  readonly invocation: Invocation
  readonly calledAt: number
  isSettled: boolean
}

const FIRST_UID = 100_000
const MAX_RETRY_AFTER_MS = 30_000
const unhandled: unknown[] = []
process.on('unhandledRejection', (reason) => unhandled.push(reason))

/** Plays a scenario, lets the API recover, and throws where the client broke a promise. */
export async function run({ setup, operations }: Scenario): Promise<void> {
  const play = new Play(setup)
  for (const operation of operations) await play.perform(operation)
  await play.finish()
}

/** Bytes of an event without padding. */
const emptyBytes = { track: await measure('track'), identify: await measure('identify') }

class Play {
  readonly #clock = new VirtualClock()
  readonly #api = new VirtualApi(this.#clock)
  readonly #ledger: Ledger
  readonly #gflux: GFluxNode
  readonly #invocations: Invocation[] = []
  readonly #flushes: Flush[] = []
  /** What `track()` returned, and what lifetimes were given. */
  readonly #awaited: { readonly invocation: Invocation; isSettled: boolean }[] = []
  #isClosed = false

  constructor(setup: Setup) {
    this.#api.maxEvents = setup.maxEvents
    this.#api.isBad = ({ event }) => event.startsWith('evil')
    this.#ledger = new Ledger(this.#clock, this.#api, setup.config)
    const ports = createVirtualPorts(this.#api.fetch, setup.seed, this.#clock)
    const config = resolveConfig({
      ...setup.config,
      token: TOKEN,
      onDrop: (dropped) => this.#ledger.onDrop(dropped),
      waitUntil: setup.hasLifetime ? (promise) => this.#hold(promise) : undefined,
    })
    const delivery = createDelivery(config, ports)
    if (setup.hasJournal) delivery.journal = createVirtualJournal(this.#clock, setup.seed)
    this.#gflux = createClient(delivery) as GFluxNode
  }

  async perform(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case 'invoke':
        this.#clock.invoke((invocation) => this.#invoke(invocation, operation.calls))
        await this.#clock.settle()
        break
      case 'advance':
        await this.#clock.advance(operation.ms)
        break
      case 'freeze':
        this.#clock.freeze(operation.ms)
        this.#ledger.lastFreezeAt = this.#clock.now()
        break
      case 'abandon': {
        const waiting = this.#invocations.filter((invocation) => invocation.waiting > 0)
        const abandoned = waiting[operation.nth % waiting.length]
        if (abandoned) this.#clock.abandon(abandoned)
        break
      }
      case 'api':
        this.#api.otherwise = fateSource(operation.fates, this.#api.calls)
    }
  }

  /** The API is well again, time passes, and what is left is flushed: then nothing may be missing, or there twice. */
  async finish(): Promise<void> {
    const ledger = this.#ledger
    this.#api.otherwise = () => ({})
    this.#api.cutOff()
    await this.#clock.drain()
    for (const { isSettled, invocation, call } of this.#flushes) {
      ledger.expect(isSettled || invocation.isAbandoned, `a ${call.kind} settles`)
    }
    for (let round = 0; round < 8 && ledger.size; round++) {
      await this.#clock.advance(Math.max(130_000, ledger.pausedUntil - this.#clock.now()))
      await this.perform({ kind: 'invoke', calls: [{ kind: this.#isClosed ? 'shutdown' : 'flush' }] })
      await this.#clock.drain()
    }
    for (const { isSettled, invocation } of this.#awaited) {
      ledger.expect(isSettled || invocation.isAbandoned, 'a call and a lifetime settle')
    }
    ledger.expect(this.#clock.timers.length === 0, 'no timer is left')
    ledger.expect(this.#clock.ghosts === 0, 'nobody wakes up an abandoned invocation')
    this.#checkEntries()
    const violations = [...this.#api.violations, ...ledger.violations, ...unhandled.splice(0).map(String)]
    if (violations[0]) throw new Error([...new Set(violations)].slice(0, 10).join('\n'))
  }

  #invoke(invocation: Invocation, calls: readonly Call[]): void {
    this.#invocations.push(invocation)
    for (const call of calls) {
      if (call.kind === 'flush' || call.kind === 'shutdown') this.#flush(invocation, call)
      else if (call.kind === 'identify') this.#track(invocation, 0, false, true)
      else for (let n = 0; n < call.count; n++) this.#track(invocation, call.padding, call.isBad && n === 0)
    }
  }

  #track(invocation: Invocation, padding: number, isBad: boolean, isIdentify = false): void {
    const ledger = this.#ledger
    const uid = FIRST_UID + ledger.entries.length
    const name = isIdentify ? 'identify' : `${isBad ? 'evil' : 'good'}_${uid}`
    const bytes = emptyBytes[isIdentify ? 'identify' : 'track'] + padding
    const isRefused = this.#isClosed || !ledger.hasRoomFor(bytes)
    const entry: Entry = {
      uid,
      name,
      bytes,
      isBad,
      fortune: isRefused ? 'refused' : 'queued',
      reports: 0,
      isDoubtful: false,
    }
    ledger.add(entry)
    this.#permit(invocation, Infinity)
    const refusal = this.#isClosed ? 'client_closed' : 'queue_overflow'
    const call = isIdentify
      ? this.#gflux.identify({ anonymousId: 'a', userId: 'u', traits: { uid } })
      : this.#gflux.track(name, { userId: 'u', properties: { uid, padding: 'x'.repeat(padding) } })
    if (uid % 4 === 0) return // nobody awaits it, whatever it comes to
    const awaited = { invocation, isSettled: false }
    this.#awaited.push(awaited)
    const onSettled = (): void => {
      awaited.isSettled = true
    }
    call.then(onSettled, onSettled)
    call.then(
      (result) => {
        ledger.expect(!isRefused, `${name} is refused as ${refusal}`)
        ledger.expect(!result || total(result) > 0, `${name} starts a flush of itself`)
        const isOpen = entry.fortune === 'queued'
        ledger.expect(!result || result.pending > 0 || !isOpen, `the flush that ${name} starts covers it`)
      },
      (error) => {
        const isKnown = isRefused ? error.code === refusal : error.result !== undefined
        ledger.expect(isKnown, `${name} is ${entry.fortune}, not rejected as ${error.code}`)
      },
    )
  }

  #flush(invocation: Invocation, call: Flush['call']): void {
    const { timeoutMs = Infinity } = call
    const calledAt = this.#clock.now()
    const permit = this.#permit(invocation, calledAt + timeoutMs)
    const covered = this.#ledger.queued()
    const flush: Flush = { call, covered, permit, invocation, calledAt, isSettled: false }
    const isRefused = this.#isClosed && call.kind === 'flush'
    this.#flushes.push(flush)
    this.#start(flush).then(
      (result) => {
        this.#ledger.expect(!isRefused, 'a closed client refuses to flush')
        this.#onSettled(flush, result)
      },
      (error) => {
        if (isRefused && error.code === 'client_closed') flush.isSettled = true
        else this.#onSettled(flush, error.result, error)
      },
    )
  }

  #start({ call, permit }: Flush): Promise<FlushResult> {
    if (call.kind === 'shutdown') {
      this.#isClosed = true
      return this.#gflux.shutdown({ timeoutMs: call.timeoutMs })
    }
    const { timeoutMs, ifDown, abortsAfter } = call
    if (abortsAfter === undefined) return this.#gflux.flush({ timeoutMs, ifDown })
    const controller = new AbortController()
    this.#clock.answer(abortsAfter, () => {
      permit.isWithdrawn = true
      permit.abortedAt ??= this.#clock.now()
      controller.abort()
    })
    return this.#gflux.flush({ timeoutMs, ifDown, signal: controller.signal })
  }

  #onSettled(flush: Flush, result: FlushResult | undefined, error?: GFluxNodeError): void {
    const { covered, permit, call, calledAt } = flush
    const ledger = this.#ledger
    const now = this.#clock.now()
    const isAborted = permit.abortedAt !== undefined
    flush.isSettled = permit.isWithdrawn = true
    if (!result || (error && !GFluxNodeError.is(error))) {
      ledger.expect(false, `a ${call.kind} fails with an error that has a result, not ${error}`)
      return
    }
    const count = (...fortunes: Entry['fortune'][]): number =>
      covered.filter(({ fortune }) => fortunes.includes(fortune)).length
    const { accepted, rejected, pending, errors } = result
    const isRight =
      accepted === count('accepted') &&
      rejected === count('rejected', 'dropped') &&
      pending === count('queued')
    ledger.expect(isRight, `${JSON.stringify({ accepted, rejected, pending })} is what became of the events`)
    ledger.expect(errors.length === rejected, 'every rejected event is in `errors`')
    for (const { index, event } of errors) {
      ledger.expect(covered[index]?.name === event, `${event} is at ${index} of the flush`)
    }
    const end = Math.min(permit.deadline, permit.abortedAt ?? Infinity)
    const isLate = ledger.lastFreezeAt < calledAt && now > end
    ledger.expect(!isLate, `a flush is over by its deadline or abort, not ${now - end} ms later`)
    const isRefusal = error?.retryable === false
    ledger.expect(isRefusal === count('dropped') > 0, 'a refused batch rejects the flush')
    ledger.expect(!error?.retryable || pending > 0, `no “${error?.message}” where no event is left`)
    const mayLeave = error !== undefined || isAborted || this.#mayLeave(flush)
    ledger.expect(!pending || mayLeave, `${JSON.stringify(call)} leaves ${pending} for a reason`)
  }

  /** The budget, the abort, a long pause; or the guard, which others may have closed. */
  #mayLeave({ call, permit, invocation, calledAt }: Flush): boolean {
    if (permit.deadline < Infinity) return true
    const ledger = this.#ledger
    const isPaused = ledger.pausedUntil > this.#clock.now() + MAX_RETRY_AFTER_MS - 1_000
    const isCareful = call.kind === 'flush' && (call.ifDown ?? 'try') !== 'try'
    return ledger.hasFailed() && (isPaused || isCareful || ledger.isShared(invocation, calledAt))
  }

  #hold(promise: Promise<unknown>): void {
    const lifetime = { invocation: this.#clock.invocation, isSettled: false }
    this.#awaited.push(lifetime)
    promise.then(
      () => {
        lifetime.isSettled = true
      },
      (error) => this.#ledger.expect(false, `a lifetime never rejects: ${error}`),
    )
  }

  #permit(invocation: Invocation, deadline: number): Permit {
    const permit = { deadline, isWithdrawn: false }
    const { permits } = this.#ledger
    const others = permits.get(invocation)
    if (others) others.push(permit)
    else permits.set(invocation, [permit])
    return permit
  }

  #checkEntries(): void {
    const ledger = this.#ledger
    const stored = new Map<number, number>()
    for (const { properties } of this.#api.events) {
      const uid = uidOf(properties)
      stored.set(uid, (stored.get(uid) ?? 0) + 1)
    }
    for (const entry of ledger.entries) {
      const { name, uid, fortune, reports, isDoubtful } = entry
      const times = stored.get(uid) ?? 0
      const mostTimes = fortune === 'accepted' || (fortune === 'dropped' && isDoubtful) ? 1 : 0
      ledger.expect(fortune !== 'queued', `${name} is delivered in the end`)
      ledger.expect(times <= mostTimes, `${name} is ${fortune} and not stored ${times} times`)
      ledger.expect(fortune !== 'accepted' || times === 1, `${name} is stored`)
      const isReported = fortune === 'rejected' || fortune === 'dropped'
      ledger.expect(reports === Number(isReported), `${name} is ${fortune}: not reported ${reports} times`)
    }
  }
}

/** A 413 is about the batch: it comes every time, and never for one that the API may have stored. */
function fateSource(fates: readonly Fate[], calls: readonly ApiCall[]): (call: ApiCall) => Fate {
  let count = 0
  return ({ key }) => {
    const earlier = calls.filter((call) => call.key === key)
    const tooLarge = earlier.find(({ fate }) => fate.gets === 413)
    if (tooLarge) return { gets: 413 }
    const fate = fates[count++ % fates.length] ?? {}
    return fate.gets === 413 && earlier.some(({ fate: { gets } }) => gets !== 429) ? {} : fate
  }
}

function total({ accepted, rejected, pending }: FlushResult): number {
  return accepted + rejected + pending
}

async function measure(kind: 'track' | 'identify'): Promise<number> {
  const { gflux, clock, api } = openVirtual()
  if (kind === 'identify') void gflux.identify({ anonymousId: 'a', userId: 'u', traits: { uid: FIRST_UID } })
  else void gflux.track(`good_${FIRST_UID}`, { userId: 'u', properties: { uid: FIRST_UID, padding: '' } })
  await clock.outcome(gflux.flush())
  return JSON.stringify(api.events[0]).length
}
