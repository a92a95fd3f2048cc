/** An invocation from its first wrapper's start to the end of its last flush. */
export class Span {
  readonly requestId: string
  /** Resolves when the invocation is over. */
  readonly over: Promise<true>
  #open = 0
  #end!: (value: true) => void

  constructor(requestId: string) {
    this.requestId = requestId
    this.over = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /** A wrapper starts: one inside another ends before it. */
  open(): void {
    this.#open += 1
  }

  close(): void {
    this.#open -= 1
    if (this.#open === 0) this.#end(true)
  }
}
