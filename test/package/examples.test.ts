import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createTestIngest, type IngestServer } from '../../ingest/index.ts'
import { runNode } from '../support/child.ts'
import { findNodes } from '../support/nodes.ts'
import { createProject, type TempProject } from '../support/project.ts'

const folder = join(import.meta.dirname, 'product-examples')
const prelude = `
declare const myLogger: Record<"debug" | "warn", (message: string, context?: object) => void>;
declare function wait(ms: number): Promise<void>;
`
const createClient = `const gflux = initGFluxNode({ token: process.env.GFLUX_SERVER_TOKEN! });\n`
/** Sends what the examples send to the real host to the local ingest. */
const reroute = `
const { fetch } = globalThis
globalThis.fetch = (url, init) => fetch(String(url).replace('https://api.getfluxly.com', process.env.INGEST), init)
globalThis.myLogger = { debug() {}, warn() {} }
globalThis.wait = async () => {}
`

/** An example as a program: what its text takes for granted comes first, and nothing in it is changed. */
function program(example: string): string {
  const isWithClient = example.includes('const gflux')
  const isWithImport = /import .*initGFluxNode/.test(example)
  return [
    isWithImport ? '' : 'import { initGFluxNode } from "@getfluxly/node";\n',
    prelude,
    isWithClient ? '' : createClient,
    example,
    '\nawait gflux.shutdown();\nexport {};\n',
  ].join('')
}

const compilerOptions = {
  strict: true,
  target: 'ES2022',
  lib: ['ES2022'],
  types: ['node'],
  skipLibCheck: false,
}

const resolutions = {
  NodeNext: { ...compilerOptions, module: 'NodeNext', rootDir: 'src', outDir: 'out' },
  Bundler: { ...compilerOptions, module: 'ESNext', moduleResolution: 'Bundler', noEmit: true },
}

const expected: Readonly<Record<string, number>> = {
  '05-alias': 0,
  '02-init': 0,
  '06-flush': 0,
  '07-shutdown': 0,
  '08-batching': 0,
  '10-logging': 0,
}

const names = (await readdir(folder)).sort().map((file) => file.replace('.ts.txt', ''))

describe('the examples of the product’s page', () => {
  const ingest = createTestIngest()
  let server: IngestServer
  let project: TempProject
  beforeAll(async () => {
    server = await ingest.listen()
    project = await createProject(inject('packageRoot'), ['@types/node', 'undici-types'])
    for (const name of names) {
      const text = await readFile(join(folder, `${name}.ts.txt`), 'utf8')
      await project.write(`src/${name}.ts`, program(text))
    }
    await project.write('reroute.mjs', reroute)
    for (const [name, options] of Object.entries(resolutions)) {
      await project.write(
        `tsconfig.${name}.json`,
        JSON.stringify({ compilerOptions: options, include: ['src'] }),
      )
    }
  })
  afterAll(async () => {
    await server.close()
    await project[Symbol.asyncDispose]()
  })

  it.each(Object.keys(resolutions))(
    'compile against the published types with %s resolution',
    async (name) => {
      const { stdout, code } = await project.compile(`tsconfig.${name}.json`)

      expect(stdout).toBe('')
      expect(code).toBe(0)
    },
  )

  describe.each(findNodes())('on $name', ({ program: node }) => {
    it.each(names)('run unchanged: %s', async (name) => {
      ingest.reset()
      const env = { INGEST: server.url, GFLUX_SERVER_TOKEN: 'gflux_secret_example' }

      const { code, stderr, stdout } = await runNode(['--import', './reroute.mjs', `out/${name}.js`], {
        node,
        cwd: project.folder,
        env,
      })

      expect(stderr).toBe('')
      expect(code).toBe(0)
      expect(stdout).toBe(name === '06-flush' ? '0 0\n' : '')
      expect(ingest.stats).toMatchObject({ stored: expected[name] ?? 1, rejected: 0 })
      expect(ingest.aliases).toHaveLength(name === '05-alias' ? 1 : 0)
    })
  })
})
