import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, inject, it } from 'vitest'
import { createProject } from '../support/project.ts'

const root = join(import.meta.dirname, '../..')
const guides = globSync('{README,docs/*}.md', { cwd: root }).sort()

/** What examples take for granted: a guide has told of it before, or the reader's own code has it. */
const surroundings = `
type Hook = (hook: () => Promise<void>) => void
declare const [afterEach, afterAll]: [Hook, Hook]
declare const { createTestIngest, ingest }: {
  createTestIngest: typeof import('@getfluxly/node/testing').createTestIngest
  ingest: import('@getfluxly/node/testing').TestIngest
}
declare const { initGFluxNode, gflux }: {
  initGFluxNode: typeof import('@getfluxly/node').initGFluxNode
  gflux: import('@getfluxly/node').GFluxNode
}
declare const [token, userId, anonymousId, previousId, id, requestId]: string[] & { length: 6 }
declare const [properties, context, traits]: object[] & { length: 3 }
declare const waitUntil: (promise: Promise<unknown>) => void
declare const { signal }: AbortController
declare const timestamp: Date
declare const timeoutMs: number
declare const ifDown: 'skip'
interface Env {
  GFLUX_SERVER_TOKEN: string
  EVENTS: { send(message: unknown): Promise<unknown> }
}
`
const options = {
  strict: true,
  target: 'ES2022',
  module: 'ESNext',
  moduleResolution: 'Bundler',
  noEmit: true,
}
const types = [
  '@types/node',
  'undici-types',
  '@cloudflare/workers-types',
  '@types/express',
  'fastify',
  'hono',
]

it.each([
  ['node', (code: string) => !code.includes('/cloudflare')],
  ['@cloudflare/workers-types', (code: string) => code.includes('/cloudflare')],
])('TypeScript compiles all examples as they stand, with the types of %s', async (environment, isOurs) => {
  await using project = await createProject(inject('packageRoot'), types)
  const examples = (await Promise.all(guides.map(examplesOf))).flat().filter(({ code }) => isOurs(code))
  for (const { name, code } of examples) await project.write(name, code)
  await project.write('src/gflux.ts', 'const own = gflux\nexport { own as gflux }')
  await project.write('surroundings.d.ts', surroundings)
  const compilerOptions = { ...options, types: [environment], skipLibCheck: true }
  await project.write('tsconfig.json', JSON.stringify({ compilerOptions }))

  const { stdout, code } = await project.compile()

  expect(examples.length).toBeGreaterThan(3)
  expect([stdout, code]).toEqual(['', 0])
})

/** Each is a module of its own, named for the line above it. */
async function examplesOf(guide: string): Promise<{ name: string; code: string }[]> {
  const text = await readFile(join(root, guide), 'utf8')
  return [...text.matchAll(/```ts\n(.*?)```/gs)].map(({ index, 1: code }) => ({
    name: `examples/${basename(guide, '.md')}-${text.slice(0, index).split('\n').length}.ts`,
    code: `${code}export {}\n`,
  }))
}
