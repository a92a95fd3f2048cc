import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type ChildResult, run } from './child.ts'

const modules = resolve(import.meta.dirname, '../../node_modules')

export interface TempProject extends AsyncDisposable {
  readonly folder: string
  readonly write: (path: string, text: string) => Promise<string>
  /** Compiles with the repository's TypeScript; `tsconfig.json` has to be there. */
  readonly compile: (tsconfig?: string) => Promise<ChildResult>
}

/** Someone else's project that has installed the package. `types` are linked from this repository. */
export async function createProject(
  packageRoot: string,
  types: readonly string[] = [],
): Promise<TempProject> {
  const folder = await mkdtemp(join(tmpdir(), 'gflux-project-'))
  const write = async (path: string, text: string): Promise<string> => {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
    return file
  }
  await write('package.json', JSON.stringify({ name: 'someone', private: true, type: 'module' }))
  await cp(packageRoot, join(folder, 'node_modules/@getfluxly/node'), { recursive: true })
  for (const name of types) {
    await mkdir(dirname(join(folder, 'node_modules', name)), { recursive: true })
    await symlink(join(modules, name), join(folder, 'node_modules', name))
  }
  return {
    folder,
    write,
    compile: (tsconfig = 'tsconfig.json') =>
      run(process.execPath, [join(modules, 'typescript/bin/tsc'), '-p', tsconfig], { cwd: folder }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
