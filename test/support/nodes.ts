import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Runtime } from './program.ts'

/** The Node that runs the tests. */
export const ownNode: Runtime = { name: `Node ${process.version}`, program: process.execPath, args: [] }

/** The Node that runs the tests, and the machine's own where that is another release. */
export function findNodes(): Runtime[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const candidates = folders
    .filter((folder) => !folder.includes('node_modules'))
    .map((folder) => join(folder, 'node'))
  const nodes = new Map([[ownNode.name, ownNode]])
  for (const path of candidates.filter((candidate) => existsSync(candidate))) {
    const version = execFileSync(path, ['--version'], { encoding: 'utf8' }).trim()
    const name = `Node ${version}`
    const isSupported = Number(/\d+/.exec(version)?.[0]) >= 18
    if (isSupported && !nodes.has(name)) nodes.set(name, { name, program: path, args: [] })
  }
  return [...nodes.values()]
}
