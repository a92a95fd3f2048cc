import { deliveryOf } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { lifetimeOfEvents } from './events.ts'
import { leaveNext } from './outside-next.ts'
import { isBuilding } from './platform.ts'

/** Fits a client of this package for Vercel and Next.js: once, though many handlers may share it. */
export function adopt(gflux: Flushable): void {
  const delivery = deliveryOf(gflux)
  if (!delivery || delivery.lifetime) return
  delivery.lifetime = lifetimeOfEvents(gflux, delivery)
  leaveNext(delivery)
  if (!isBuilding()) return
  // `next build` renders static pages: what they track is nobody's visit.
  delivery.config.beforeSend = () => null
  delivery.ports.now = () => 0 // also where Next is not found, no page may be refused for the date
}
