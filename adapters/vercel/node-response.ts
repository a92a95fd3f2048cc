/** What is used of Node's `ServerResponse`. */
export interface NodeResponse {
  readonly writableEnded: boolean
  end(...args: unknown[]): unknown
  destroy?(error?: unknown): unknown
  readonly once: unknown
}

/** The response of a `(req, res)` handler; `undefined` for any other. */
export function responseOf([, response]: readonly unknown[]): NodeResponse | undefined {
  try {
    const { end, once, writableEnded } = Object(response) as Partial<NodeResponse>
    const isResponse = [typeof end, typeof once, typeof writableEnded].join() === 'function,function,boolean'
    return isResponse ? (response as NodeResponse) : undefined
  } catch {
    return undefined // what may not be looked at, such as React's references to the client
  }
}

/** Makes the end of the response wait for some work: the client gets all but the end before it. */
export function delayEnd(response: NodeResponse, work: () => Promise<unknown>): void {
  const { end } = response
  let ended: Promise<unknown> | undefined
  response.end = (...args) => {
    ended ??= work().then(() => Reflect.apply(end, response, args))
    ended.catch((error) => response.destroy?.(error)) // a chunk that Node refuses
    return response
  }
}
