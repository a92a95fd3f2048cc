import { deliveryOf } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { lifetimeOfEvents } from './events.ts'
import { currentPrerender } from './next-scopes.ts'
import { leaveNext } from './outside-next.ts'
import { isBuilding } from './platform.ts'

/** Fits a client of this package for Vercel and Next.js: once, though many handlers may share it. */
export function adopt(gflux: Flushable): void {
  const delivery = deliveryOf(gflux)
  if (!delivery || delivery.lifetime) return
  delivery.lifetime = lifetimeOfEvents(gflux, delivery)
  leaveNext(delivery)
  if (isBuilding()) delivery.ports.now = () => 0 // also where Next is not found, no page may be refused for the date
  const { config } = delivery
  const { beforeSend } = config
  // What `next build` renders is nobody's visit, nor is a render that only fills caches for the one after it.
  const isDropped = () => isBuilding() || currentPrerender() === 'prospective'
  Object.defineProperty(config, 'beforeSend', { get: () => (isDropped() ? () => null : beforeSend) })
}
