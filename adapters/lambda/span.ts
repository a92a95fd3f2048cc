import type { LambdaContext } from './platform.ts'

/** A wrapper's part of an invocation. */
export interface Part {
  flush(): Promise<void>
}

/** An invocation from its first wrapper's start to the end of its last flush. */
export class Span {
  readonly requestId: string
  /** Lambda's own object: a retry has another, under the same id. */
  readonly context: LambdaContext
  /** Resolves when the invocation is over. */
  readonly over: Promise<true>
  /** A wrapper inside another ends before it. */
  readonly open: Set<Part> = new Set()
  #end!: (value: true) => void

  constructor(requestId: string, context: LambdaContext) {
    this.requestId = requestId
    this.context = context
    this.over = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  close(part: Part): void {
    this.open.delete(part)
    if (this.open.size === 0) this.#end(true)
  }
}
