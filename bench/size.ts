import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import type { Row } from './row.ts'

const CORE = '@getfluxly/node'
const ENTRIES = [CORE, '@getfluxly/node/testing']
const GOAL_KB = 5.5

/** What an entry adds to a bundle: everything it exports, minified and gzipped. */
export async function measureSize(): Promise<Row[]> {
  return await Promise.all(
    ENTRIES.map(async (entry) => {
      const code = await bundle(entry)
      const gzippedKb = gzipSync(code, { level: 9 }).length / 1000
      return {
        what: `size of ${entry}: gzip / minified`,
        ours: { value: gzippedKb, unit: 'kB' },
        baseline: { value: code.length / 1000, unit: 'kB' },
        ...(entry === CORE && { goal: `<= ${GOAL_KB} kB`, isMet: gzippedKb <= GOAL_KB }),
      }
    }),
  )
}

async function bundle(entry: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export * from '${entry}'`,
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    external: ['node:*'],
    write: false,
  })
  return outputFiles[0]?.contents ?? new Uint8Array()
}
