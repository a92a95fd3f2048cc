import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'tsup'

export interface Bundle {
  /** What a child process imports. */
  readonly url: string
  readonly remove: () => Promise<void>
}

/** The core as one JavaScript file, without types: for tests that need a process of their own. */
export async function bundleCore(): Promise<Bundle> {
  const outDir = await mkdtemp(join(tmpdir(), 'gflux-core-'))
  await build({
    config: false,
    entry: { index: resolve(import.meta.dirname, '../../src/index.ts') },
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    outDir,
    outExtension: () => ({ js: '.mjs' }),
    silent: true,
  })
  return {
    url: pathToFileURL(join(outDir, 'index.mjs')).href,
    remove: () => rm(outDir, { recursive: true, force: true }),
  }
}
