import { createTestIngest } from '../../ingest/index.ts'
import { flushAfter, type GFluxNodeConfig, initGFluxNode } from '../../src/index.ts'

/** What Cloudflare's types call a service binding. */
interface ServiceBinding {
  fetch(input: Request | string | URL, init?: RequestInit): Promise<Response>
  connect(address: string): object
}

declare const environment: Record<string, string | undefined>
declare const binding: ServiceBinding
declare const context: { waitUntil(promise: Promise<unknown>): void }
declare const maybe: { flushAt?: number | undefined; fetch: typeof fetch | undefined }
declare const consoleLike: Pick<Console, 'debug' | 'warn'>

export const configs: GFluxNodeConfig[] = [
  { token: environment['GFLUX_SERVER_TOKEN'] ?? '', apiHost: environment['GFLUX_API_HOST'] },
  { token: 't', ...maybe },
  { token: 't', fetch },
  { token: 't', fetch: binding },
  { token: 't', fetch: (url, init) => fetch(url, init) },
  { token: 't', fetch: createTestIngest().fetch },
  { token: 't', fetch: async () => ({ status: 202, headers: new Headers(), text: async () => '{}' }) },
  { token: 't', logger: consoleLike },
  { token: 't', logger: { warn: (message, details) => [message, details] } },
  { token: 't', logger: { debug: async () => undefined } },
  { token: 't', waitUntil: (promise) => context.waitUntil(promise) },
  { token: 't', beforeSend: (event) => (event.event === 'x' ? null : { ...event, properties: {} }) },
  { token: 't', onDrop: ({ events, error }) => [events[0]?.event, error.code] },
]

export const refused: GFluxNodeConfig[] = [
  // @ts-expect-error the token is required
  {},
  // @ts-expect-error a token that may be missing
  { token: environment['GFLUX_SERVER_TOKEN'] },
  // @ts-expect-error an option that there is not
  { token: 't', flushInterval: 5000 },
  // @ts-expect-error an option of another type
  { token: 't', flushAt: '20' },
  // @ts-expect-error beforeSend is synchronous
  { token: 't', beforeSend: async (event) => event },
  // @ts-expect-error beforeSend gives the event or null
  { token: 't', beforeSend: () => undefined },
  // @ts-expect-error no fetch
  { token: 't', fetch: {} },
]

/** `flushAfter` keeps the handler's type. */
export async function lifecycle(): Promise<Response> {
  const gflux = initGFluxNode({ token: 't' })
  const answer: number = await flushAfter(gflux, Promise.resolve(1), { timeoutMs: () => 1000 })
  // @ts-expect-error it is a number
  const wrong: string = await flushAfter(gflux, 1)
  void [answer, wrong]
  return await flushAfter(gflux, new Response(), context)
}
