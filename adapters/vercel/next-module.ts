import { builtinModule, globals } from './platform.ts'

/**
 * A module of Next's, where this process is a Next server.
 *
 * Not imported: the package has to work without Next, and a bundler would look for it. Next's own instance is the one
 * that the application's folder has, however this code was bundled.
 */
export function nextModule<Module>(id: string): Partial<Module> | undefined {
  const { AsyncLocalStorage, process } = globals
  if (!AsyncLocalStorage) return undefined // Next's servers set it
  try {
    const load = builtinModule('node:module')?.createRequire(`${process?.cwd?.()}/`)
    return load?.(id) as Module | undefined
  } catch {
    return undefined // not to be found from here
  }
}
