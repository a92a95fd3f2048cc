import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface NodeProgram {
  readonly path: string
  /** Such as `v24.21.0`. */
  readonly version: string
}

/** The Node that runs the tests, and the machine's own where that is another release. */
export function findNodes(): NodeProgram[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const candidates = folders
    .filter((folder) => !folder.includes('node_modules'))
    .map((folder) => join(folder, 'node'))
  const nodes = new Map([[process.version, process.execPath]])
  for (const path of candidates.filter((candidate) => existsSync(candidate))) {
    const version = execFileSync(path, ['--version'], { encoding: 'utf8' }).trim()
    if (Number(/\d+/.exec(version)?.[0]) >= 18 && !nodes.has(version)) nodes.set(version, path)
  }
  return [...nodes].map(([version, path]) => ({ path, version }))
}
