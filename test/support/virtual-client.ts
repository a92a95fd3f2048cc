import { createClient } from '../../src/client.ts'
import { resolveConfig } from '../../src/config.ts'
import { createDelivery } from '../../src/delivery.ts'
import type { DroppedEvents, FlushResult, GFluxNode, GFluxNodeConfig } from '../../src/index.ts'
import { GFluxNodeError } from '../../src/index.ts'
import { type Fate, VirtualApi } from './virtual-api.ts'
import { VirtualClock } from './virtual-clock.ts'
import { createVirtualPorts, type VirtualPorts } from './virtual-ports.ts'

export const TOKEN = 'gflux_secret_engine_0123456789'

interface LogLine {
  readonly level: 'debug' | 'warn'
  readonly message: string
  readonly context: Record<string, unknown> | undefined
  readonly at: number
}

export interface VirtualClient {
  readonly gflux: GFluxNode
  readonly clock: VirtualClock
  readonly ports: VirtualPorts
  readonly api: VirtualApi
  readonly logged: LogLine[]
  readonly dropped: DroppedEvents[]
  /** Tracks events named e1, e2, …, un-awaited. */
  readonly track: (count: number) => void
  /** The same, and gives what each call comes to. */
  readonly trackEach: (count: number) => Promise<FlushResult | null>[]
  /** Names of the stored events. */
  readonly stored: () => string[]
}

/** A client in virtual time, of an API where all requests meet these fates, one after another, then none. */
export function openVirtual(config: Partial<GFluxNodeConfig> = {}, ...fates: Fate[]): VirtualClient {
  const clock = new VirtualClock()
  const api = new VirtualApi(clock)
  api.next = fates
  const logged: LogLine[] = []
  const dropped: DroppedEvents[] = []
  const log = (level: LogLine['level']) => (message: string, context?: Record<string, unknown>) => {
    logged.push({ level, message, context, at: clock.now() })
  }
  const resolved = resolveConfig({
    token: TOKEN,
    flushAt: 1000,
    logger: { debug: log('debug'), warn: log('warn') },
    onDrop: (drop) => dropped.push(drop),
    ...config,
  })
  const ports = createVirtualPorts(api.fetch, 1, clock)
  const gflux = createClient(createDelivery(resolved, ports)) as GFluxNode
  let count = 0
  const trackEach = (events: number): Promise<FlushResult | null>[] =>
    Array.from({ length: events }, () =>
      gflux.track(`e${++count}`, { userId: 'u', properties: { n: count } }),
    )
  return {
    gflux,
    clock,
    ports,
    api,
    logged,
    dropped,
    track: (events) => {
      void trackEach(events)
    },
    trackEach,
    stored: () => api.events.map(({ event }) => event),
  }
}

/** A flush whose invocation is cancelled `afterMs` into it: its answers and timers never come. */
export async function abandonFlush({ gflux, clock }: VirtualClient, afterMs = 0): Promise<void> {
  await clock.invoke(async (invocation) => {
    void gflux.flush()
    await (afterMs ? clock.advance(afterMs) : clock.settle())
    clock.abandon(invocation)
  })
}

/** The SDK's error that the promise rejects with, in virtual time. */
export async function rejection(clock: VirtualClock, promise: Promise<unknown>): Promise<GFluxNodeError> {
  try {
    await clock.outcome(promise)
  } catch (error) {
    if (GFluxNodeError.is(error)) return error
    throw error
  }
  throw new Error('Expected the call to fail')
}

/** Its distinct idempotency keys, in order of first use. */
export function keysOf({ calls }: VirtualApi): string[] {
  return [...new Set(calls.map(({ key }) => key))]
}

export function uuid(count: number): string {
  return `00000000-0000-4000-8000-${String(count).padStart(12, '0')}`
}

/** Tracks once and flushes as an adapter does. */
export async function invocation({ gflux, clock, track }: VirtualClient, timeoutMs: number): Promise<void> {
  track(1)
  await clock.outcome(gflux.flush({ timeoutMs, ifDown: 'skip' }).catch(() => undefined))
}

/** Two rounds fail: now a cool-down has begun. */
export async function goDown(client: VirtualClient): Promise<void> {
  const { gflux, clock, api, track } = client
  api.otherwise = () => ({ gets: 503 })
  track(2)
  await rejection(clock, gflux.flush())
  await clock.advance(3_000)
  await rejection(clock, gflux.flush({ ifDown: 'skip' }))
}
