import type { IncomingMessage } from 'node:http'
import { header, parseJson, readBody } from './http.ts'
import type { InvocationError, ResponseChunk, RunningInvocation } from './invocation.ts'
import { type Log, now } from './log.ts'

const ERROR_TYPE = 'lambda-runtime-function-error-type'
const ERROR_BODY = 'lambda-runtime-function-error-body'

/** Reads what the runtime posts to `/response` into the invocation, as it arrives. */
export async function readResponse(
  request: IncomingMessage,
  invocation: RunningInvocation,
  log: Log,
): Promise<void> {
  const { requestId } = invocation
  const chunks: ResponseChunk[] = []
  const headers = flatten(request.headers)
  const respond = (): void => {
    if (invocation.respondedAt !== undefined) return
    invocation.respondedAt = log.add('response-start', { requestId }).at
  }
  const body = await readBody(request, (data) => {
    respond()
    chunks.push({ at: now(), data: data.toString('utf8') })
    const received = chunks.map((chunk) => chunk.data).join('')
    invocation.response = { body: received, chunks, trailers: {}, headers }
  })
  const trailers = flatten(request.trailers)
  const json = parseJson(body)
  invocation.response = { body, chunks, trailers, headers, ...(json !== undefined && { json }) }
  if (!request.complete) return
  respond()
  invocation.completedAt = log.add('response-end', { requestId }).at
  const type = trailers[ERROR_TYPE]
  if (type === undefined) return
  const errorBody = Buffer.from(trailers[ERROR_BODY] ?? '', 'base64').toString('utf8')
  invocation.error = { type, body: parseJson(errorBody) ?? errorBody }
  log.add('error', { requestId, type, text: errorBody })
}

/** Reads what the runtime posts to an `/error`. */
export async function readError(request: IncomingMessage): Promise<InvocationError & { text: string }> {
  const text = await readBody(request)
  const body = parseJson(text) ?? text
  // AWS's native client sends no such header.
  const type = header(request, ERROR_TYPE) ?? (body as { errorType?: string }).errorType ?? ''
  return { type, body, text }
}

function flatten(headers: IncomingMessage['headers']): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name, String(value ?? '')] as const)
  return Object.fromEntries(entries)
}
