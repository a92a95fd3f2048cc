import type { WaitUntil } from '../../src/index.ts'
import { nextModule } from './next-module.ts'
import type { LifetimeSource } from './platform.ts'

interface NextServer {
  readonly after: WaitUntil
  /** In Next 15.0. */
  readonly unstable_after: WaitUntil
}

let found: LifetimeSource | undefined

/**
 * Next's `after`, where this process is a Next server. It throws where there is no request of the App Router.
 * https://nextjs.org/docs/app/api-reference/functions/after
 */
export function nextAfter(): LifetimeSource | undefined {
  found ??= search()
  return found
}

function search(): LifetimeSource | undefined {
  const { unstable_after, after = unstable_after } = nextModule<NextServer>('../../../server.js') ?? {}
  return after && { waitUntil: after }
}
