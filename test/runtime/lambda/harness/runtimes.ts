import { symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { installOlderRuntimes } from './older-runtimes.ts'

export type LambdaRuntime = 'node24' | 'node22' | 'node20' | 'node18'

interface RuntimeProgram {
  /** The Node that Lambda's runtime of that name has. */
  readonly node: string
  /** AWS's runtime interface client. */
  readonly client: string
}

const require = createRequire(import.meta.url)
const clientOf24 = require.resolve('aws-lambda-ric')
const olderFolder = await installOlderRuntimes()
if (olderFolder) await lendNativeClient(olderFolder)

/** The runtimes that are installed. */
export const RUNTIMES: readonly LambdaRuntime[] = olderFolder
  ? ['node24', 'node22', 'node20', 'node18']
  : ['node24']

export function findProgram(runtime: LambdaRuntime): RuntimeProgram {
  if (runtime === 'node24') return { node: projectNode(), client: clientOf24 }
  if (!olderFolder) throw new Error(`The runtime ${runtime} is not installed, for the reason printed above.`)
  const folder = join(olderFolder, 'node_modules')
  return {
    node: join(folder, `${runtime}-linux-${process.arch}`, 'bin/node'),
    client: join(folder, 'aws-lambda-ric/bin/index.mjs'),
  }
}

/** Node 24 as the project has it, whatever Node runs the tests. */
function projectNode(): string {
  const folder = join(require.resolve('node/package.json'), '..')
  return join(folder, 'bin/node')
}

/**
 * Building version 3's native part takes autotools, which few machines have. Version 4's exports the same functions,
 * and its interface to Node is the same in every release.
 */
async function lendNativeClient(folder: string): Promise<void> {
  const link = join(folder, 'node_modules/aws-lambda-ric/dist/rapid-client.node')
  await symlink(join(clientOf24, '../rapid-client.node'), link).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}
