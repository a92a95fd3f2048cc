import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'
import { run } from './child.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder with the package as it is published: what the tarball holds, unpacked. */
    readonly packageRoot: string
  }
}

const root = resolve(import.meta.dirname, '../..')
/** What npm packs whether `files` names it or not. */
const alwaysPacked = /^(package\.json|README|LICEN[CS]E|NOTICE)/i

interface Built {
  readonly packageRoot: string
  readonly folder: string
}

// Two projects of one run share the build, though each loads this file anew.
const shared = globalThis as { builtPackage?: Promise<Built> | undefined }

/**
 * Builds, packs and unpacks the package once, for every project that asks. In a folder of its own, so that no other
 * build disturbs it.
 */
export async function setup(project: TestProject): Promise<void> {
  shared.builtPackage ??= build()
  const { packageRoot } = await shared.builtPackage
  project.provide('packageRoot', packageRoot)
}

export async function teardown(): Promise<void> {
  const built = await shared.builtPackage
  if (built) await rm(built.folder, { recursive: true, force: true })
}

async function build(): Promise<Built> {
  const folder = await mkdtemp(join(tmpdir(), 'gflux-package-'))
  const staged = join(folder, 'staged')
  await mkdir(staged)
  for (const name of await readdir(root)) {
    if (alwaysPacked.test(name)) await cp(join(root, name), join(staged, name))
  }
  const tsup = join(root, 'node_modules/tsup/dist/cli-default.js')
  await succeed(process.execPath, [tsup, '--silent', '--out-dir', join(staged, 'dist')], root)
  await succeed('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], staged)
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? ''
  await succeed('tar', ['-xzf', tarball], folder)
  return { folder, packageRoot: join(folder, 'package') }
}

async function succeed(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { code, stdout, stderr } = await run(program, args, { cwd })
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`)
}
