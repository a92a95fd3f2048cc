import { createTestIngest, type TestIngest, type TestIngestOptions } from '../../../ingest/index.ts'

export interface Client {
  readonly ingest: TestIngest
  /** Posts JSON with the server key; `init` overrides. */
  readonly post: (path: string, body: unknown, init?: PostInit) => Promise<Response>
  readonly close: () => Promise<void>
}

export interface PostInit {
  readonly headers?: Record<string, string>
  readonly method?: string
  readonly redirect?: 'error' | 'follow' | 'manual'
  readonly signal?: AbortSignal
}

export const BATCH = '/v1/events/batch'
export const SECRET = 'gflux_secret_test'

/** A client of the in-process door. */
export function openInProcess(options?: TestIngestOptions): Client {
  const ingest = createTestIngest(options)
  return { ingest, post: poster(ingest.fetch, 'https://api.getfluxly.com'), close: async () => undefined }
}

/** A client of a real server. */
async function openHttp(options?: TestIngestOptions): Promise<Client> {
  const ingest = createTestIngest(options)
  const server = await ingest.listen()
  return { ingest, post: poster(fetch, server.url), close: server.close }
}

export const DOORS = [
  { door: 'in process', open: openInProcess },
  { door: 'over HTTP', open: openHttp },
] as const

export function batch(...names: string[]): { events: object[] } {
  return { events: names.map((event) => ({ event, external_id: 'user_42' })) }
}

export function uuid(digit: number): string {
  return `00000000-0000-4000-8000-${String(digit).padStart(12, '0')}`
}

/** A promise that a test resolves when it is ready to. */
export function createGate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}

/** Waits for a condition that real I/O brings about. */
export async function until(isTrue: () => boolean): Promise<void> {
  for (let turns = 0; !isTrue(); turns += 1) {
    if (turns > 20_000) throw new Error('the condition never came true')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function poster(fetchIt: TestIngest['fetch'], origin: string): Client['post'] {
  return (path, body, { headers, ...init } = {}) =>
    fetchIt(origin + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json', ...headers },
      ...(init.method !== 'GET' && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...init,
    })
}
