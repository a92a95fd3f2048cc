import { cp, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { run } from '../../../support/child.ts'
import { ownNode } from '../../../support/nodes.ts'
import { type Program, startFile } from '../../../support/program.ts'

export const versions = ['15', '16'] as const
export type Version = (typeof versions)[number]

const example = resolve(import.meta.dirname, '../../../../examples/next')
const folders = ['app', 'pages', 'lib']
const program = 'node_modules/next/dist/bin/next'
const files = ['next.config.ts', 'tsconfig.json', 'proxy.ts']
/** Nothing of it may ask the network for anything but the ingest. */
const quiet = { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' }

export interface NextServer extends Program {
  readonly url: string
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Where the process runs. @default in the application's folder */
  readonly cwd?: string
  /** A server of the application's own, by path: it says what `next start` does. @default `next start` */
  readonly file?: string
}

export interface NextApplication {
  /** `next start`, as a process of its own. */
  readonly start: (options?: StartOptions) => Promise<NextServer>
}

/**
 * Builds `examples/next` with `next build`, on that version of Next, which is installed from its own lock file at first
 * use: Next and what it needs take 350 MB. The folder is the application's, and git sees none of it.
 *
 * @param packageRoot the built package
 * @param more files to add to the application, by path
 */
export async function buildApplication(
  version: Version,
  packageRoot: string,
  env: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>> = {},
): Promise<NextApplication> {
  const cwd = await prepare(version, packageRoot)
  for (const name of [...folders, ...files]) {
    await rm(join(cwd, name), { recursive: true, force: true })
    await cp(join(example, name), join(cwd, name), { recursive: true })
  }
  if (version === '15') await rename(join(cwd, 'proxy.ts'), join(cwd, 'middleware.ts'))
  await write(cwd, more)
  return await buildIn(cwd, join(cwd, program), env)
}

/** Builds an application of some files alone, by path. */
export async function buildFiles(
  version: Version,
  packageRoot: string,
  env: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>>,
): Promise<NextApplication> {
  const parent = await prepare(version, packageRoot)
  const cwd = join(parent, 'files')
  await rm(cwd, { recursive: true, force: true })
  await write(cwd, files)
  return await buildIn(cwd, join(parent, program), env)
}

/** The folder of a version, with Next and the package installed. */
async function prepare(version: Version, packageRoot: string): Promise<string> {
  const cwd = join(import.meta.dirname, version)
  await install(cwd)
  const installed = join(cwd, 'node_modules/@getfluxly/node')
  await rm(installed, { recursive: true, force: true })
  await mkdir(installed, { recursive: true })
  for (const name of ['package.json', 'dist'])
    await cp(join(packageRoot, name), join(installed, name), { recursive: true })
  return cwd
}

async function write(cwd: string, texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(dirname(join(cwd, path)), { recursive: true })
    await writeFile(join(cwd, path), text)
  }
}

async function buildIn(
  folder: string,
  next: string,
  env: Readonly<Record<string, string>>,
): Promise<NextApplication> {
  await build(next, folder, env)
  const args = ['start', folder, '--port', '0', '--hostname', '127.0.0.1']
  return {
    start: async ({ cwd = folder, file, env: more } = {}) => {
      const server = await startFile(ownNode, file ? join(folder, file) : next, {
        args: file ? [] : args,
        cwd,
        env: { ...quiet, ...env, ...more },
      })
      await server.matches(/Ready/)
      const [, url = ''] = await server.matches(/Local:\s+(http:\S+)/)
      return { ...server, url }
    },
  }
}

/** Without the token, which a machine that builds often has not. */
async function build(next: string, cwd: string, env: Readonly<Record<string, string>>): Promise<void> {
  const { GFLUX_SERVER_TOKEN: _token, ...rest } = env
  const built = await run(process.execPath, [next, 'build'], { cwd, env: { ...quiet, ...rest } })
  if (built.code !== 0) throw new Error(`next build failed:\n${built.stdout}${built.stderr}`)
}

async function install(cwd: string): Promise<void> {
  const [wanted, present] = await Promise.all(
    ['package-lock.json', 'node_modules/.package-lock.json'].map((path) =>
      stat(join(cwd, path))
        .then(({ mtimeMs }) => mtimeMs)
        .catch(() => 0),
    ),
  )
  if ((present ?? 0) >= (wanted ?? 0)) return
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  const { code, stderr } = await run('npm', args, { cwd })
  if (code !== 0) throw new Error(`Next could not be installed:\n${stderr}`)
}
