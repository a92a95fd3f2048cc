import type { GFluxNodeConfig, TrackInput } from '@getfluxly/node'

export const TOKEN = 'gflux_secret_bench'

export const EVENT_NAME = 'invoice_paid'

/** Becomes about 300 bytes of JSON. */
export const EVENT_INPUT: TrackInput<Record<string, unknown>> = {
  userId: 'user_8f3a2c71',
  properties: {
    invoice_id: 'in_1PqRsT2eZvKYlo2C',
    total_usd: 1299.5,
    currency: 'usd',
    items: 3,
    is_first: false,
    plan: 'business',
    coupon: 'SPRING25',
  },
}

/** Queues without ever sending by itself. */
export const ONLY_QUEUE: Pick<GFluxNodeConfig, 'token' | 'flushAt' | 'maxQueueSize' | 'maxQueueBytes'> = {
  token: TOKEN,
  flushAt: Number.MAX_SAFE_INTEGER,
  maxQueueSize: Number.MAX_SAFE_INTEGER,
  maxQueueBytes: Number.MAX_SAFE_INTEGER,
}
