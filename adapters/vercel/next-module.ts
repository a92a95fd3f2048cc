import { builtinModule, globals } from './platform.ts'

/** Loaded with each of Next's servers, before any page. */
const landmark = 'work-async-storage.external.js'

/** How many modules were loaded at the last search. */
let searched = 0
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
  if (!globals.AsyncLocalStorage) return undefined // Next's servers set it
  try {
    const { createRequire } = builtinModule('node:module') ?? {}
    if (!path) {
      const loaded = Object.keys(createRequire?.('/').cache ?? {})
      if (loaded.length !== searched) path = loaded.find((each) => each.endsWith(landmark))
      searched = loaded.length
    }
    return path ? (createRequire?.(path)(id) as Module) : undefined
  } catch {
    return undefined // a Next that has not this module
  }
}
