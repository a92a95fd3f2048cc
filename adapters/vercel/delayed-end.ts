import type { NodeResponse } from './node-response.ts'

/** What is used of a `ServerResponse` that Node's own server made. */
interface ConnectedResponse extends NodeResponse {
  socket?: Connection | null
  assignSocket(socket: Connection): void
  detachSocket(socket: Connection): void
}

interface Connection {
  destroy(...args: unknown[]): unknown
  /** Platforms' own requests have none, nor has Bun. */
  readonly _handle?: unknown
  /** The response whose turn it is. */
  readonly _httpMessage?: unknown
}

type Work = () => Promise<unknown>

/** What the ends of responses wait for. */
const delayed = new WeakMap<NodeResponse, Work[]>()

/** Makes the end of the response wait for some work: the client gets all but the end before it. */
export function delayEnd(response: NodeResponse, work: Work): void {
  const known = delayed.get(response)
  if (known) {
    known.push(work)
    return
  }
  const works = [work]
  delayed.set(response, works)
  const own = Object.getOwnPropertyDescriptor(response, 'end')
  const { end } = response
  /** Is the end that the first call asked for still to come? `undefined` before that call. */
  let isPending: boolean | undefined
  const delayedEnd = (...args: unknown[]): unknown => {
    const endNow = (): unknown => Reflect.apply(end, response, args)
    if (isPending !== undefined) return isPending ? response : endNow()
    const release = holdBack(response as ConnectedResponse, endNow)
    isPending = !release
    const finish = (): void => {
      isPending = false
      if (response.end === delayedEnd) restore(response, 'end', own)
      if (release) release()
      else endNow()
    }
    Promise.all(works.map((each) => each()))
      .then(finish)
      .catch((error) => response.destroy?.(error)) // a chunk that it refuses
    return response
  }
  response.end = delayedEnd
}

/**
 * Ends a response while its connection is taken away: whoever looks sees it ended and its headers sent, but what it would
 * send waits in it, as it does behind the response of an earlier request.
 *
 * @returns what lets it out; `undefined` where that is not Node's, and nothing was ended
 */
function holdBack(response: ConnectedResponse, end: () => unknown): (() => void) | undefined {
  const { socket } = response
  if (!socket?._handle || socket._httpMessage !== response) return undefined
  const own = Object.getOwnPropertyDescriptor(socket, 'destroy')
  const { destroy } = socket
  let destruction: (() => unknown) | undefined
  const release = (): void => {
    restore(socket, 'destroy', own)
    if (socket._httpMessage === response) {
      response.detachSocket(socket)
      response.assignSocket(socket)
    }
    destruction?.()
  }
  // Frameworks do so where a handler throws or goes on after the response, which must arrive all the same.
  socket.destroy = (...args) => {
    destruction ??= () => Reflect.apply(destroy, socket, args)
    return socket
  }
  response.socket = null
  try {
    end()
  } catch (error) {
    release()
    throw error
  }
  return release
}

function restore(target: object, name: string, own: PropertyDescriptor | undefined): void {
  if (own) Object.defineProperty(target, name, own)
  else Reflect.deleteProperty(target, name)
}
