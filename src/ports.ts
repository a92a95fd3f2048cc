/** What the SDK asks of a response: any `fetch` fits. */
export interface FetchResponse {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  text(): Promise<string>
}

/** What the SDK passes to `fetch`. */
export interface FetchInit {
  method: 'POST'
  headers: Record<string, string>
  body: string
  redirect: 'manual'
  /** Of a retry: Bun then opens a new connection, since those that it has may all be dead. */
  keepalive?: false
  signal: AbortSignal
}

/** A function like the global `fetch`. */
export type FetchFunction = (url: string, init: FetchInit) => Promise<FetchResponse>

/** Something with a `fetch` method of its own, such as a Cloudflare service binding. */
export interface Fetcher {
  fetch(url: string, init: FetchInit): Promise<FetchResponse>
}

/** A longer delay overflows and fires at once. https://developer.mozilla.org/docs/Web/API/Window/setTimeout */
export const maxTimerMs: number = 2 ** 31 - 1

/** All that the SDK takes from the outside world. Tests replace it; nobody patches globals. */
export interface Ports {
  fetch: FetchFunction
  now(): number
  /** Calls back after `ms`; returns what cancels it. An unref'd timer holds no process open. */
  timer(ms: number, callback: () => void, unref?: boolean): () => void
  /** From 0 to 1. */
  random(): number
  /** A UUID. */
  randomId(): string
}

/** The real ones. */
export function createPorts(fetcher: FetchFunction | Fetcher): Ports {
  return {
    fetch: (url, init) => callFetch(fetcher, url, init),
    now: () => Date.now(),
    timer: (ms, callback, unref) => {
      const timer: unknown = setTimeout(callback, Math.min(ms, maxTimerMs))
      if (unref) (timer as { unref?: () => void }).unref?.()
      return () => clearTimeout(timer as number)
    },
    random: () => Math.random(),
    randomId: () => globalThis.crypto?.randomUUID?.() ?? pseudoRandomId(),
  }
}

/** A binding's `fetch` is called as its own method; some bindings can be called as well, and are then something else. */
export function callFetch(
  fetcher: FetchFunction | Fetcher,
  url: string,
  init: FetchInit,
): Promise<FetchResponse> {
  return 'fetch' in fetcher ? fetcher.fetch(url, init) : fetcher(url, init)
}

/** Node 18 has no global `crypto`. A key has to be unique, not secret: 120 bits of `Math.random` are. */
function pseudoRandomId(): string {
  return 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () =>
    Math.floor(Math.random() * 16).toString(16),
  )
}
