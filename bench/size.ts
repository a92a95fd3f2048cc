import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import type { Row } from './row.ts'

/** With what each may weigh at most, in KB. */
const ENTRIES: readonly (readonly [entry: string, goalKb?: number])[] = [
  ['@getfluxly/node', 5.5],
  ['@getfluxly/node/lambda', 8],
  ['@getfluxly/node/testing'],
  ['@getfluxly/node/testing/lambda'],
]

/** What an entry adds to a bundle: everything it exports, minified and gzipped. */
export async function measureSize(): Promise<Row[]> {
  return await Promise.all(
    ENTRIES.map(async ([entry, goalKb]) => {
      const code = await bundle(entry)
      const gzipKb = gzipSync(code, { level: 9 }).length / 1024
      return {
        what: `size of ${entry}: gzip / minified`,
        ours: { value: gzipKb, unit: 'KB' },
        baseline: { value: code.length / 1024, unit: 'KB' },
        ...(goalKb !== undefined && { goal: `<= ${goalKb} KB`, isMet: gzipKb <= goalKb }),
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
