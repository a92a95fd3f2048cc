import { AsyncLocalStorage } from 'node:async_hooks'

/** What a platform runs, freezes and cancels as one: a request, a queue message, an interval. */
export interface Invocation {
  isAbandoned: boolean
  /** Timers and answers that it still waits for. */
  waiting: number
}

export interface VirtualTimer {
  readonly at: number
  readonly unref: boolean
  readonly invocation: Invocation
}

interface Due extends Omit<VirtualTimer, 'at'> {
  at: number
  readonly kind: 'timer' | 'answer' | 'world'
  readonly callback: () => void
}

/** Node's own clock starts here: 2026-01-01T00:00:00Z. */
const EPOCH: number = Date.UTC(2026, 0, 1)

/**
 * Time that moves when the code sleeps. What the code under test waits for belongs to the invocation it was started
 * in, and to no other: so an invocation can be abandoned, as platforms do.
 */
export class VirtualClock {
  /** Every timer that was ever set, by its length: what cost no wait is not in here. */
  readonly sleeps: number[] = []
  /** Timers that code of an abandoned invocation asked for: somebody else woke it up. */
  ghosts = 0
  readonly #root: Invocation = { isAbandoned: false, waiting: 0 }
  readonly #current = new AsyncLocalStorage<Invocation>()
  #due: Due[] = []
  #now = EPOCH

  now(): number {
    return this.#now
  }

  get invocation(): Invocation {
    return this.#current.getStore() ?? this.#root
  }

  /** Timers the code under test waits for. */
  get timers(): readonly VirtualTimer[] {
    return this.#due.filter(({ kind }) => kind === 'timer')
  }

  /** Calls back after `ms`, never where that is `Infinity`; returns what cancels it. */
  timer(ms: number, callback: () => void, unref = false): () => void {
    this.sleeps.push(ms)
    return this.#schedule('timer', ms, callback, unref)
  }

  /** An answer on its way: it arrives in the invocation that asked, if that still runs. */
  answer(ms: number, callback: () => void): () => void {
    return this.#schedule('answer', ms, callback, true)
  }

  /** Something that happens elsewhere: no freeze stops it. */
  world(ms: number, callback: () => void): () => void {
    return this.#schedule('world', ms, callback, true)
  }

  /** Runs the call as a new invocation. */
  invoke<Result>(call: (invocation: Invocation) => Result): Result {
    const invocation = { isAbandoned: false, waiting: 0 }
    return this.#current.run(invocation, () => call(invocation))
  }

  /** Nothing that the invocation waits for will ever come. */
  abandon(invocation: Invocation): void {
    invocation.isAbandoned = true
    invocation.waiting = 0
    this.#due = this.#due.filter((due) => due.invocation !== invocation || due.kind === 'world')
  }

  /** Lets all microtasks run. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** Moves to what is due next and lets it happen; `false` when nothing is, or not by then. */
  async step(until = Number.MAX_VALUE): Promise<boolean> {
    const next = this.#next((due) => due.at <= until)
    if (!next) return false
    this.#happen(next)
    await this.settle()
    return true
  }

  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    await this.settle()
    while (await this.step(until));
    this.#now = Math.max(this.#now, until)
  }

  /** Moves until nothing is left to wait for. */
  async drain(): Promise<void> {
    await this.settle()
    for (let steps = 0; await this.step(); steps++) {
      if (steps > 20_000) throw new Error('the code never comes to rest')
    }
  }

  /** The process stands still while the clock and the world go on. What was due meanwhile comes after. */
  freeze(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const next = this.#next((due) => due.kind === 'world' && due.at <= until)
      if (!next) break
      this.#happen(next)
    }
    this.#now = Math.max(this.#now, until)
  }

  /** The clock is set back: timers and the world go on as they were. */
  turnBack(ms: number): void {
    this.#now -= ms
    for (const due of this.#due) due.at -= ms
  }

  /** Moves until the promise is settled. */
  async outcome<Result>(promise: Promise<Result>): Promise<Result> {
    let isSettled = false
    const onSettled = (): void => {
      isSettled = true
    }
    promise.then(onSettled, onSettled)
    await this.settle()
    while (!isSettled) {
      if (!(await this.step())) throw new Error('nothing is left that could settle the promise')
    }
    return await promise
  }

  #schedule(kind: Due['kind'], ms: number, callback: () => void, unref: boolean): () => void {
    const { invocation } = this
    if (invocation.isAbandoned) {
      if (kind === 'timer') this.ghosts++
      return () => undefined
    }
    const due: Due = { kind, at: this.#now + Math.max(0, ms), callback, unref, invocation }
    if (kind !== 'world') invocation.waiting++
    this.#due.push(due)
    return () => this.#take(due)
  }

  #next(isWanted: (due: Due) => boolean): Due | undefined {
    let next: Due | undefined
    for (const due of this.#due) {
      if (due.at < (next?.at ?? Infinity) && isWanted(due)) next = due
    }
    return next
  }

  #happen(due: Due): void {
    this.#take(due)
    this.#now = Math.max(this.#now, due.at)
    this.#current.run(due.invocation, due.callback)
  }

  #take(due: Due): void {
    const index = this.#due.indexOf(due)
    if (index < 0) return
    this.#due.splice(index, 1)
    if (due.kind !== 'world') due.invocation.waiting--
  }
}
