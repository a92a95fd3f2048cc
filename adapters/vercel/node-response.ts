import { within } from '../shared/within.ts'

/** What is used of Node's `ServerResponse`. */
export interface NodeResponse {
  readonly writableEnded: boolean
  readonly destroyed?: boolean
  end(...args: unknown[]): unknown
  destroy?(error?: unknown): unknown
  once(event: 'finish' | 'close', listener: (value?: unknown) => void): unknown
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

export function isEnded({ destroyed, writableEnded }: NodeResponse): boolean {
  return writableEnded || destroyed === true
}

/** Waits until the response has ended or its connection has, but no longer than that time. */
export async function whenEnded(response: NodeResponse, timeoutMs: number): Promise<void> {
  if (isEnded(response)) return
  const ended = new Promise((resolve) => {
    response.once('finish', resolve)
    response.once('close', resolve)
  })
  await within(ended, timeoutMs)
}
