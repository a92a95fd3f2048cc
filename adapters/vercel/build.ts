import { deliveryOf } from '../../src/adapter.ts'
import { isBuilding } from './platform.ts'

/** `next build` renders static pages: what they track is nobody's visit. So a client of a build drops every event. */
export function dropDuringBuild(gflux: object): void {
  const delivery = deliveryOf(gflux)
  if (!delivery || !isBuilding()) return
  delivery.config.beforeSend = () => null
  // With `cacheComponents` no page may ask for the date. https://nextjs.org/docs/messages/blocking-prerender-current-time
  delivery.ports.now = () => performance.timeOrigin + performance.now()
}
