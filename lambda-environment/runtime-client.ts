import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** AWS's own, as this package or the working directory finds it. */
export function findRuntimeClient(): string {
  if (process.platform === 'win32') throw new Error('Freezing a process takes Linux or macOS.')
  for (const from of [import.meta.url, `${process.cwd()}/package.json`]) {
    try {
      const manifest = createRequire(from).resolve('aws-lambda-ric/package.json')
      const { bin } = JSON.parse(readFileSync(manifest, 'utf8'))
      return join(manifest, '..', bin['aws-lambda-ric'])
    } catch {
      // not there: the next one, or the message below
    }
  }
  throw new Error('Expected `aws-lambda-ric` to be installed: npm install --save-dev aws-lambda-ric')
}
