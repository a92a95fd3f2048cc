import { mkdir, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../../../support/child.ts'

const folder = join(import.meta.dirname, 'runtimes')
const lock = resolve(import.meta.dirname, '../../../../node_modules/.lambda-runtimes.lock')
const INSTALL_LIMIT_MS = 180_000

/**
 * Installs the older releases of Node and of AWS's client, once per machine, and returns the folder; `undefined`
 * where that does not work. They are no dependencies of the project since each release of `node` brings a program of
 * the same name, and the client's install script fails where autotools are missing.
 */
export async function installOlderRuntimes(): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined
  const end = Date.now() + INSTALL_LIMIT_MS
  while (!(await isInstalled())) {
    if (await takeLock()) {
      try {
        return await install()
      } finally {
        await rm(lock, { recursive: true, force: true })
      }
    }
    if (Date.now() > end) return explain(`Another process holds ${lock}.`)
    await sleep(200)
  }
  return folder
}

async function install(): Promise<string | undefined> {
  if (await isInstalled()) return folder
  const args = ['ci', '--ignore-scripts', '--no-bin-links', '--no-audit', '--no-fund']
  const { code, stderr } = await run('npm', args, { cwd: folder })
  if (code === 0 && (await isInstalled())) return folder
  return explain(stderr)
}

/** npm writes a lock file of its own last. */
async function isInstalled(): Promise<boolean> {
  const wanted = await modifiedAt(join(folder, 'package-lock.json'))
  return (await modifiedAt(join(folder, 'node_modules/.package-lock.json'))) >= wanted
}

/** Takes the lock unless another process has it; one that is older than any install is nobody's. */
async function takeLock(): Promise<boolean> {
  if ((await modifiedAt(lock)) < Date.now() - INSTALL_LIMIT_MS)
    await rm(lock, { recursive: true, force: true })
  return mkdir(lock).then(
    () => true,
    () => false,
  )
}

/** 0 where there is nothing. */
function modifiedAt(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
}

function explain(reason: string): undefined {
  console.error(`The older Lambda runtimes could not be installed.\n${reason}`)
}
