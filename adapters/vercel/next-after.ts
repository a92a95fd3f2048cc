import type { WaitUntil } from '../../src/index.ts'
import { builtinModule, globals, type LifetimeSource } from './platform.ts'

interface NextServer {
  readonly after?: WaitUntil
  /** In Next 15.0. */
  readonly unstable_after?: WaitUntil
}

let found: LifetimeSource | undefined
let isSearched = false

/**
 * Next's `after`, where this process is a Next server. It throws where there is no request of the App Router.
 * https://nextjs.org/docs/app/api-reference/functions/after
 *
 * Not imported: the package has to work without Next, and a bundler would look for it. Next's own instance is the one
 * that the application's folder has, however this code was bundled.
 */
export function nextAfter(): LifetimeSource | undefined {
  if (!isSearched) found = search()
  isSearched = true
  return found
}

function search(): LifetimeSource | undefined {
  const { AsyncLocalStorage, process } = globals
  if (!AsyncLocalStorage) return undefined // Next's servers set it
  try {
    const load = builtinModule('node:module')?.createRequire(`${process?.cwd?.()}/`)
    const { unstable_after, after = unstable_after } = (load?.('next/server') ?? {}) as NextServer
    return after && { waitUntil: after }
  } catch {
    return undefined // not to be found from here: then there is no such lifetime
  }
}
