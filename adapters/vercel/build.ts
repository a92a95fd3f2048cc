import { insideOf } from '../../src/adapter.ts'
import { isBuilding } from './platform.ts'

/** `next build` renders static pages: what they track is nobody's visit. So a client of a build drops every event. */
export function dropDuringBuild(gflux: object): void {
  const inside = insideOf(gflux)
  if (inside && isBuilding()) inside.config.beforeSend = () => null
}
