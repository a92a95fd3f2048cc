import { nextModule } from './next-module.ts'
import type { InvocationStorage } from './platform.ts'

/** What is used of what Next knows a render by. */
interface WorkUnit {
  readonly type: string
  /** `null` or what the render waits for; absent without `cacheComponents`. */
  readonly cacheSignal?: unknown
}

interface Scopes {
  readonly workAsyncStorage: InvocationStorage<unknown>
  readonly workUnitAsyncStorage: InvocationStorage<WorkUnit | undefined>
}

let scopes: Scopes | undefined

/**
 * What Next knows the page by that the calling code belongs to. Looked for until it is found: code may run before Next's
 * server is loaded.
 */
export function nextScopes(): Scopes | undefined {
  if (scopes) return scopes
  const { workAsyncStorage } = nextModule<Scopes>('./work-async-storage.external.js') ?? {}
  const { workUnitAsyncStorage } = nextModule<Scopes>('./work-unit-async-storage.external.js') ?? {}
  if (workAsyncStorage && workUnitAsyncStorage) scopes = { workAsyncStorage, workUnitAsyncStorage }
  return scopes
}

/**
 * With `cacheComponents` a page is prerendered at the build and when it is too old: twice, first to fill the caches that
 * it reads, then for good, and that ends as soon as the page waits for anything else.
 * https://github.com/vercel/next.js/blob/canary/packages/next/src/server/app-render/work-unit-async-storage.external.ts
 *
 * @returns which of it the calling code belongs to
 */
export function currentPrerender(): 'prospective' | 'final' | undefined {
  const { type, cacheSignal } = nextScopes()?.workUnitAsyncStorage.getStore() ?? {}
  if (!type?.startsWith('prerender') || cacheSignal === undefined) return undefined
  return cacheSignal ? 'prospective' : 'final'
}
