import type { Delivery } from '../../src/adapter.ts'
import { nextScopes } from './next-scopes.ts'

/**
 * Runs code as if no page of Next's had called it. With `cacheComponents` Next gives up prerendering a page that asks for
 * the time or for something random, and its `fetch` may answer only when the page is done.
 * https://nextjs.org/docs/messages/blocking-prerender-current-time
 */
function outsideNext<Result>(code: () => Result): Result {
  const found = nextScopes()
  if (!found) return code()
  return found.workAsyncStorage.run(undefined, () => found.workUnitAsyncStorage.run(undefined, code))
}

/** In milliseconds since the epoch. */
export function now(): number {
  return outsideNext(() => Date.now())
}

/** What the client asks of the world is no doing of the page that tracks. */
export function leaveNext({ ports }: Delivery): void {
  const { fetch, random, randomId } = ports
  Object.assign(ports, {
    fetch: (...request) => outsideNext(() => fetch(...request)),
    now,
    random: () => outsideNext(random),
    randomId: () => outsideNext(randomId),
  } satisfies Partial<Delivery['ports']>)
}
