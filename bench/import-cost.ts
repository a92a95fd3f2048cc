import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { compare } from './compare.ts'
import type { Row } from './row.ts'

const GOAL_MS = 5

/** Measured in the child, around the import alone. */
const SCRIPT = `
  const startedAt = performance.now()
  await import(process.argv[1])
  process.stdout.write(String(performance.now() - startedAt))
`

/** What the package adds to a cold start, on the machine's own Node: by importing a module with nothing in it. */
export async function measureImport(): Promise<Row[]> {
  const node = findNode()
  const { stdout: version } = await promisify(execFile)(node, ['--version'])
  const { ours, baseline, added } = await compare(
    {
      ours: () => timeImport(node, import.meta.resolve('@getfluxly/node')),
      baseline: () => timeImport(node, new URL('./empty-module.js', import.meta.url).href),
    },
    { rounds: 30 },
  )
  return [
    {
      what: `import, node ${version.trim()} / an empty module`,
      ours: { value: ours, unit: 'ms' },
      baseline: { value: baseline, unit: 'ms' },
      ratio: ours / baseline,
    },
    {
      what: 'import: added',
      ours: { value: added, unit: 'ms' },
      goal: `<= ${GOAL_MS} ms`,
      isMet: added <= GOAL_MS,
    },
  ]
}

async function timeImport(node: string, url: string): Promise<number> {
  const { stdout } = await promisify(execFile)(node, ['--input-type=module', '--eval', SCRIPT, url])
  return Number(stdout)
}

/** The first `node` on the path that no package brought. */
function findNode(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const candidates = folders
    .filter((folder) => !folder.includes('node_modules'))
    .map((folder) => join(folder, 'node'))
  return candidates.find((file) => existsSync(file)) ?? process.execPath
}
