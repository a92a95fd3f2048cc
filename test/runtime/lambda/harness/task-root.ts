import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface TaskRoot {
  readonly path: string
  readonly remove: () => Promise<void>
}

/** A folder as a deployed function has it: its files, and links to the packages that it may import. */
export async function createTaskRoot(
  files: Readonly<Record<string, string>>,
  packages: Readonly<Record<string, string>>,
): Promise<TaskRoot> {
  const path = await mkdtemp(join(tmpdir(), 'gflux-lambda-'))
  for (const [name, text] of Object.entries(files)) {
    const file = join(path, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  for (const [name, target] of Object.entries(packages)) {
    const link = join(path, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(target, link)
  }
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
