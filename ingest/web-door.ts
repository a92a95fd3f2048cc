import type { Answer } from './answer.ts'
import type { Message, Outcome, Receive } from './message.ts'

/** The door for a web-standard `Request`. */
export async function handleRequest(receive: Receive, request: Request): Promise<Response> {
  return responseTo(await receiveUntilAborted(receive, messageOf(request, request.signal)))
}

/** `signal` may be `null`: some runtimes give a request without one. */
export function messageOf(request: Request, signal: AbortSignal | null | undefined): Message {
  const { method, headers, url } = request
  const { pathname: path, searchParams: query } = new URL(url)
  let body: Promise<Uint8Array> | undefined
  const readBody = (): Promise<Uint8Array> => {
    body ??= request.arrayBuffer().then((buffer) => new Uint8Array(buffer))
    return body
  }
  return { method, path, query, headers, readBody, signal: signal ?? undefined }
}

/** Like `fetch`, stops waiting when the client gives up, while the request itself goes on. */
export async function receiveUntilAborted(receive: Receive, message: Message): Promise<Outcome> {
  const { signal } = message
  if (signal === undefined) return await receive(message)
  signal.throwIfAborted()
  let stop = (): void => undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([aborted, receive(message)])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** @throws TypeError as `fetch` does, where the connection died. */
export function responseTo(outcome: Outcome): Response {
  if (outcome.kind === 'reset') throw connectionReset('fetch failed')
  const { answer, isTruncated } = outcome
  const { status, headers } = answer
  if (!isTruncated) return new Response(isBodyless(status) ? null : answer.body, { status, headers })
  const length = String(new TextEncoder().encode(answer.body).byteLength)
  return new Response(brokenBody(answer), { status, headers: { ...headers, 'content-length': length } })
}

function brokenBody({ body }: Answer): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(body)
  let isSent = false
  return new ReadableStream({
    pull(controller) {
      if (isSent) controller.error(connectionReset('terminated'))
      else controller.enqueue(bytes.subarray(0, bytes.byteLength / 2))
      isSent = true
    },
  })
}

/** The shape in which Node's `fetch` tells of a connection that died. */
function connectionReset(message: string): TypeError {
  const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
  return new TypeError(message, { cause })
}

/** `Response` refuses a body, even an empty one, under these: https://fetch.spec.whatwg.org/#null-body-status */
function isBodyless(status: number): boolean {
  return status === 204 || status === 205 || status === 304
}
