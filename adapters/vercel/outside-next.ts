import type { Delivery } from '../../src/adapter.ts'
import { nextModule } from './next-module.ts'
import type { InvocationStorage } from './platform.ts'

type Scope = InvocationStorage<unknown>

interface WorkModule {
  readonly workAsyncStorage: Scope
}

interface WorkUnitModule {
  readonly workUnitAsyncStorage: Scope
}

const folder = 'next/dist/server/app-render'

/** What Next knows the page by that the calling code belongs to. */
let scopes: readonly Scope[] | undefined

function findScopes(): Scope[] {
  const work = nextModule<WorkModule>(`${folder}/work-async-storage.external.js`)
  const unit = nextModule<WorkUnitModule>(`${folder}/work-unit-async-storage.external.js`)
  return [work?.workAsyncStorage, unit?.workUnitAsyncStorage].filter((scope) => scope !== undefined)
}

/**
 * Runs code as if no page of Next's had called it. With `cacheComponents` Next gives up prerendering a page that asks for
 * the time or for something random, and its `fetch` may answer only when the page is done.
 * https://nextjs.org/docs/messages/blocking-prerender-current-time
 */
function outsideNext<Result>(code: () => Result): Result {
  scopes ??= findScopes()
  return scopes.reduce((run, scope) => () => scope.run(undefined, run), code)()
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
