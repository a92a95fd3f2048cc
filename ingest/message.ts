import type { Answer } from './answer.ts'
import { type ApiKey, readApiKey } from './api-key.ts'

/** A request as a door hands it in. */
export interface Message {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Headers
  /** Rejects when the client goes away before it has sent all. */
  readonly readBody: () => Promise<Uint8Array>
  /** Aborts when the client gives up or is gone. */
  readonly signal: AbortSignal | undefined
}

/** What a door does to the client in the end. */
export type Outcome =
  | { readonly kind: 'answer'; readonly answer: Answer; readonly isTruncated: boolean }
  | { readonly kind: 'reset' }

/** What all doors lead to. */
export type Receive = (message: Message) => Promise<Outcome>

export const RESET: Outcome = { kind: 'reset' }

/** A request with its body, read and parsed. */
export interface Arrival extends Message {
  readonly apiKey: ApiKey | undefined
  readonly bytes: number
  readonly text: string
  /** `undefined` where the body is not JSON. */
  readonly json: unknown
}

export function readArrival(message: Message, body: Uint8Array): Arrival {
  const apiKey = readApiKey(message.headers, message.query)
  const text = decode(body)
  return { ...message, apiKey, bytes: body.byteLength, text: text ?? '', json: parse(text) }
}

function decode(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    return undefined // Not UTF-8: refused as not being JSON.
  }
}

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined // JSON has no `undefined`: it stands for text that is not JSON.
  }
}
