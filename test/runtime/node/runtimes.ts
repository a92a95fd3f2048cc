import { existsSync } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../../support/child.ts'
import { ownNode } from '../../support/nodes.ts'
import type { Runtime } from '../../support/program.ts'

const folder = join(import.meta.dirname, 'runtimes')
const lock = resolve(import.meta.dirname, '../../../node_modules/.node-runtimes.lock')
const INSTALL_LIMIT_MS = 300_000

const installed: [name: string, alias: string, program: string, args: string[]][] = [
  ['Node', 'node18', 'bin/node', []],
  ['Node', 'node20', 'bin/node', []],
  ['Node', 'node22', 'bin/node', []],
  ['Node', 'node26', 'bin/node', []],
  ['Bun', 'bun', 'bin/bun', []],
  ['Deno', 'deno', 'deno', ['run', '--quiet', '--allow-all']],
]

/** The Node that runs the tests; with `SERVER_RUNTIMES=all` the other runtimes as well. */
export async function findRuntimes(): Promise<Runtime[]> {
  if (process.env['SERVER_RUNTIMES'] !== 'all') return [ownNode]
  await install()
  const others = installed.map(async ([name, alias, program, args]) => {
    const path = join(folder, 'node_modules', `${alias}-${process.platform}-${process.arch}`, program)
    const { stdout } = await run(path, ['--version'])
    const version = /[\d.]+/.exec(stdout)?.[0]
    return { name: `${name} ${name === 'Node' ? 'v' : ''}${version}`, program: path, args }
  })
  return [ownNode, ...(await Promise.all(others))]
}

/** Once per machine. No dependencies of the project: each release of `node` brings a program of the same name. */
async function install(): Promise<void> {
  const end = Date.now() + INSTALL_LIMIT_MS
  while (!isInstalled()) {
    if (Date.now() > end) throw new Error(`Another process holds ${lock}`)
    if (await takeLock()) {
      const args = ['ci', '--ignore-scripts', '--no-bin-links', '--no-audit', '--no-fund']
      const { code, stderr } = await run('npm', args, { cwd: folder }).finally(() =>
        rm(lock, { recursive: true }),
      )
      if (code !== 0 || !isInstalled()) throw new Error(`The runtimes could not be installed.\n${stderr}`)
    } else await sleep(200)
  }
}

/** npm writes a lock file of its own last. */
function isInstalled(): boolean {
  return existsSync(join(folder, 'node_modules/.package-lock.json'))
}

/** Takes the lock unless another process has it; one that is older than any install is nobody's. */
async function takeLock(): Promise<boolean> {
  const takenAt = await stat(lock).then(
    ({ mtimeMs }) => mtimeMs,
    () => Date.now(),
  )
  if (takenAt < Date.now() - INSTALL_LIMIT_MS) await rm(lock, { recursive: true, force: true })
  return mkdir(lock).then(
    () => true,
    () => false,
  )
}
