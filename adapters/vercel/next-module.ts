import { builtinModule, globals } from './platform.ts'

/** Loaded with each of Next's servers, before any page. */
const landmark = 'work-async-storage.external.js'

/** What has not been loaded by then never is, and each search of the many modules costs. */
const maxSearches = 100
let searches = 0
let path: string | undefined

/**
 * A module of the Next whose server this process is, if it is one.
 *
 * Not imported: the package has to work without Next, and a bundler would look for it. Nor looked for in a folder, which
 * may have none or another: the instance that runs is loaded, however this code was bundled.
 *
 * @param id as that module requires it which keeps what Next knows of a request
 */
export function nextModule<Module>(id: string): Partial<Module> | undefined {
  if (!globals.AsyncLocalStorage || searches >= maxSearches) return undefined // Next's servers set it
  try {
    const { createRequire } = builtinModule('node:module') ?? {}
    path ??= Object.keys(createRequire?.('/').cache ?? {}).find((each) => each.endsWith(landmark))
    if (!path) searches += 1
    return path ? (createRequire?.(path)(id) as Module) : undefined
  } catch {
    return undefined // a Next that has not this module
  }
}
