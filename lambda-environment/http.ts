import type { IncomingMessage, ServerResponse } from 'node:http'

/** Every answer has a content type: AWS's native client crashes without one. */
export function answer(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed || response.writableEnded) return
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  })
  response.end(body)
}

export function accept(response: ServerResponse): void {
  answer(response, 202, '{"status":"OK"}')
}

export function refuse(
  response: ServerResponse,
  status: number,
  errorType: string,
  errorMessage: string,
): void {
  answer(response, status, JSON.stringify({ errorMessage, errorType }))
}

/** The body; what has arrived of it where the connection dies. */
export async function readBody(request: IncomingMessage, onChunk?: (data: Buffer) => void): Promise<string> {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    onChunk?.(chunk)
  })
  await new Promise<void>((resolve) =>
    request.once('close', resolve).once('end', resolve).once('error', resolve),
  )
  return Buffer.concat(chunks).toString('utf8')
}

export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // not JSON: a streamed body needs not be
  }
}
