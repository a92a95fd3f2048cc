import type { Message, Outcome, Receive } from './message.ts'
import { messageOf, receiveUntilAborted, responseTo } from './web-door.ts'

interface Hop {
  readonly status: number
  readonly from: URL
  readonly to: URL
}

const MAX_REDIRECTS = 20

/** The door for `fetch`: like the one for a `Request`, and it follows redirects. */
export async function fetchInProcess(
  receive: Receive,
  input: string | URL | Request,
  init: RequestInit | undefined,
): Promise<Response> {
  const request = new Request(input, init)
  // In Node 18 the signal of the new request stops passing an abort on once the request is garbage collected.
  const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined)
  let message = messageOf(request, signal)
  let url = new URL(request.url)
  for (let redirects = 0; ; redirects += 1) {
    const outcome = await receiveUntilAborted(receive, message)
    const hop = request.redirect === 'manual' ? undefined : findHop(outcome, url)
    if (hop === undefined) return responseTo(outcome)
    if (request.redirect === 'error') throw fetchError('unexpected redirect')
    if (redirects === MAX_REDIRECTS) throw fetchError('redirect count exceeded')
    message = redirectMessage(message, hop)
    url = hop.to
  }
}

function findHop(outcome: Outcome, from: URL): Hop | undefined {
  if (outcome.kind !== 'answer') return undefined
  const { status, headers } = outcome.answer
  const { location } = headers
  return location === undefined ? undefined : { status, from, to: new URL(location, from) }
}

/** https://fetch.spec.whatwg.org/#http-redirect-fetch */
function redirectMessage(message: Message, { status, from, to }: Hop): Message {
  const headers = new Headers(message.headers)
  if (from.origin !== to.origin) headers.delete('authorization')
  const next = { ...message, path: to.pathname, query: to.searchParams, headers }
  if (status > 302 || message.method !== 'POST') return next
  headers.delete('content-type')
  return { ...next, method: 'GET', readBody: async () => new Uint8Array() }
}

function fetchError(reason: string): TypeError {
  return new TypeError('fetch failed', { cause: new Error(reason) })
}
