import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from './answer.ts'
import { refusal } from './answer.ts'
import type { Message, Outcome, Receive } from './message.ts'

/** The door for node:http: one request and its response. */
export async function serveRequest(
  receive: Receive,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  deliver(await receive(messageOf(incoming, gone.signal)).catch(internalError), response)
}

function messageOf(incoming: IncomingMessage, signal: AbortSignal): Message {
  const [path = '/', query] = (incoming.url ?? '/').split(/\?(.*)/s)
  return {
    method: incoming.method ?? 'GET',
    path,
    query: new URLSearchParams(query),
    headers: headersOf(incoming),
    readBody: () => readBody(incoming),
    signal,
  }
}

function headersOf({ headers: given }: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(given)) {
    for (const each of [value ?? []].flat()) headers.append(name, each)
  }
  return headers
}

async function readBody(incoming: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const body = new Uint8Array(chunks.reduce((bytes, chunk) => bytes + chunk.byteLength, 0))
  let offset = 0
  for (const chunk of chunks) {
    body.set(chunk, offset)
    offset += chunk.byteLength
  }
  return body
}

function deliver(outcome: Outcome, response: ServerResponse): void {
  if (outcome.kind === 'reset') {
    response.socket?.resetAndDestroy()
    return
  }
  const { answer, isTruncated } = outcome
  const body = new TextEncoder().encode(answer.body)
  response.writeHead(answer.status, { ...answer.headers, 'content-length': body.byteLength })
  if (isTruncated) response.write(body.subarray(0, body.byteLength / 2), () => response.destroy())
  else response.end(body)
}

/** A fault of the ingest itself: said out loud instead of leaving the client without an answer. */
function internalError(error: unknown): Outcome {
  const answer: Answer = refusal('server_error', `the ingest itself failed: ${String(error)}`)
  return { kind: 'answer', answer, isTruncated: false }
}
