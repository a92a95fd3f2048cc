import { insideOf } from '../../src/adapter.ts'
import { isBuilding } from './platform.ts'

/** `next build` renders static pages: what they track is nobody's visit. So a client of a build drops every event. */
export function dropDuringBuild(gflux: object): void {
  const inside = insideOf(gflux)
  if (!inside || !isBuilding()) return
  inside.config.beforeSend = () => null
  // With `cacheComponents` no page may ask for the date. https://nextjs.org/docs/messages/blocking-prerender-current-time
  inside.ports.now = () => performance.timeOrigin + performance.now()
}
