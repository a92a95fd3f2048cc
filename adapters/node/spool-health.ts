import type { Delivery } from '../../src/adapter.ts'

/** How long a spool that failed is left alone: longer than a warning is held back, so that a second failure is told. */
const pauseMs = 11_000

/** Does the disk take what it is given? All files of a spool ask here, and say here what became of a commit. */
export class SpoolHealth {
  readonly #log: Delivery['log']
  readonly #now: Delivery['now']
  /** Commits of all files that are to come or under way. */
  readonly commits: Set<Promise<boolean>> = new Set()
  #pausedUntil = 0

  constructor({ log, now }: Pick<Delivery, 'log' | 'now'>) {
    this.#log = log
    this.#now = now
  }

  /** Did the last commits become durable? */
  get isWorking(): boolean {
    return this.#pausedUntil === 0
  }

  /** Nothing is written meanwhile. */
  get isPaused(): boolean {
    return this.#now() < this.#pausedUntil
  }

  onFailure(error: unknown): void {
    const wasWorking = this.isWorking
    this.#pausedUntil = this.#now() + pauseMs
    const { code, message } = error as NodeJS.ErrnoException
    if (wasWorking) this.#log.warn('The spool failed: events are in memory alone', { code: code ?? message })
  }

  /** A commit is durable. One that was under way when another failed proves nothing. */
  onSuccess(): void {
    if (this.isWorking || this.isPaused) return
    this.#pausedUntil = 0
    this.#log.warn('The spool works again')
  }
}
