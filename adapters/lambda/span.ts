import type { LambdaContext } from './platform.ts'

/** An invocation from its first wrapper's start to the end of its last flush. */
export class Span {
  readonly requestId: string
  /** Lambda's own object: a retry has another, under the same id. */
  readonly context: LambdaContext
  /** Resolves when the invocation is over. */
  readonly over: Promise<true>
  #open = 0
  #end!: (value: true) => void

  constructor(requestId: string, context: LambdaContext) {
    this.requestId = requestId
    this.context = context
    this.over = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  get isOver(): boolean {
    return this.#open === 0
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
