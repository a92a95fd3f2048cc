/** Bundles each function to the one file that `template.yaml` deploys, and prints the sizes. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, type Format } from 'esbuild'

const FUNCTIONS: Readonly<Record<string, Format>> = {
  'before-response': 'esm',
  'after-response': 'esm',
  commonjs: 'cjs',
  streaming: 'esm',
  middy: 'esm',
}

const root = import.meta.dirname
const toKb = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KB`.padStart(9)

await rm(join(root, 'dist'), { recursive: true, force: true })
console.log(`${'function'.padEnd(16)} minified   gzipped`)
for (const [name, format] of Object.entries(FUNCTIONS)) {
  const outfile = join(root, 'dist', name, format === 'esm' ? 'index.mjs' : 'index.js')
  await build({
    entryPoints: [join(root, 'functions', `${name}.ts`)],
    outfile,
    format,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node22',
  })
  const code = await readFile(outfile)
  console.log(`${name.padEnd(15)}${toKb(code.length)} ${toKb(gzipSync(code).length)}`)
}
