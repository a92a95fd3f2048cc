import type { Answer } from './answer.ts'

const KEY_LIFE_MS = 24 * 60 * 60 * 1000

interface Entry {
  readonly answer: Promise<Answer>
  readonly body: string
  readonly claimedAt: number
}

export interface IdempotentWork {
  /** Idempotency key, scoped by API key and endpoint; `undefined` for work that may run any number of times. */
  readonly key: string | undefined
  /** The request's body, to notice a key that is used for two different ones. */
  readonly body: string
  readonly run: () => Promise<Answer>
}

export interface IdempotentAnswer {
  readonly answer: Answer
  readonly isReplay: boolean
  /** The key came with another body than the first time. */
  readonly isConflict: boolean
}

/** Remembers the answers to keyed requests for 24 hours. */
export class Idempotency {
  readonly #entries = new Map<string, Entry>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Runs the work once per key; a second request waits for the first one's answer and gets the same. */
  async once({ key, body, run }: IdempotentWork): Promise<IdempotentAnswer> {
    if (key === undefined) return { answer: await run(), isReplay: false, isConflict: false }
    for (let entry = this.#find(key); entry !== undefined; entry = this.#find(key)) {
      const answer = await entry.answer
      if (isFinal(answer)) return { answer, isReplay: true, isConflict: entry.body !== body }
    }
    const entry = { answer: run(), body, claimedAt: this.#now() }
    this.#entries.set(key, entry)
    let isKept = false
    try {
      const answer = await entry.answer
      isKept = isFinal(answer)
      return { answer, isReplay: false, isConflict: false }
    } finally {
      // The first to wait is the first to go on: the key is free again before a waiter looks for it.
      if (!isKept) this.#entries.delete(key)
    }
  }

  #find(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry !== undefined && this.#now() - entry.claimedAt >= KEY_LIFE_MS) {
      this.#entries.delete(key)
      return undefined
    }
    return entry
  }
}

/** A refusal that says "not now" or "not like this" is no outcome of the work: the key stays free. */
function isFinal({ status }: Answer): boolean {
  return status < 300 || status === 400 || status === 409
}
