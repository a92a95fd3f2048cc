import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { runModule } from '../support/child.ts'
import { findNodes } from '../support/nodes.ts'
import { createProject } from '../support/project.ts'

const root = inject('packageRoot')

/** Everything a process has that an import could leave behind. */
const observe = `
  const listeners = () => process.eventNames().map((name) => [String(name), process.listenerCount(name)])
  const observe = () => JSON.stringify({
    globals: Reflect.ownKeys(globalThis).map(String).sort(),
    env: process.env,
    listeners: listeners(),
    resources: process.getActiveResourcesInfo().filter((name) => !/FSReq|CloseReq|TTY|Pipe|MessagePort/.test(name)),
  })`

describe.each(findNodes())('on $name', ({ program: node }) => {
  it('every subpath can be imported and gives its exports', async () => {
    await using project = await createProject(root)
    const source = `
      const { default: manifest } = await import('@getfluxly/node/package.json', { with: { type: 'json' } })
      for (const name of Object.keys(manifest.exports).filter((path) => !path.endsWith('.json'))) {
        const module = await import(manifest.name + name.slice(1))
        console.log(name, Object.keys(module).sort().join(' '))
      }`

    const { stdout, code } = await runModule(source, {
      node,
      nodeArgs: ['--no-warnings'],
      cwd: project.folder,
    })

    expect(stdout).toMatchInlineSnapshot(`
      ". GFluxNodeError flushAfter initGFluxNode
      ./cloudflare cloudflareContext queueRelay relayConsumer withGFlux
      ./lambda enableAfterResponse enableAfterResponseSync gfluxHandler gfluxMiddleware lambdaContext withGFlux
      ./vercel anonymousIdFromCookie initGFluxVercel vercelContext vercelWaitUntil withGFlux
      ./server expressGFlux fastifyGFlux flushOnClose honoGFlux initGFluxServer
      ./testing createTestIngest
      ./testing/lambda startLambdaEnvironment
      "
    `)
    expect(code).toBe(0)
  })

  it('nothing else can be imported', async () => {
    await using project = await createProject(root)
    const source = `
      for (const name of ['dist/index.js', 'index', 'cli', 'src/index.ts'])
        await import('@getfluxly/node/' + name).then(() => console.log(name), (error) => console.log(error.code))`

    const { stdout } = await runModule(source, { node, cwd: project.folder })

    expect(new Set(stdout.trim().split('\n'))).toEqual(new Set(['ERR_PACKAGE_PATH_NOT_EXPORTED']))
  })

  it.each(
    ['', '/cloudflare', '/lambda', '/server', '/vercel', '/testing', '/testing/lambda'].map(
      (path) => `@getfluxly/node${path}`,
    ),
  )('importing %s changes nothing', async (name) => {
    await using project = await createProject(root)
    const source = `
      ${observe}
      await import('node:http') // which defines a global of Node's own
      Math.random = Date.now = globalThis.setTimeout = globalThis.fetch = () => { throw new Error('called on import') }
      const before = observe()
      await import('${name}')
      console.log(observe() === before ? 'the same' : before + observe())`

    const { stdout, stderr } = await runModule(source, { node, cwd: project.folder })

    expect(stderr).toBe('')
    expect(stdout).toBe('the same\n')
  })

  it('creating a client changes nothing either', async () => {
    await using project = await createProject(root)
    const source = `
      ${observe}
      const { initGFluxNode } = await import('@getfluxly/node')
      Math.random = Date.now = globalThis.setTimeout = globalThis.fetch = () => { throw new Error('called') }
      Object.defineProperty(globalThis, 'crypto', { get() { throw new Error('called') }, configurable: true })
      const before = observe()
      initGFluxNode({ token: 'gflux_secret_x', flushIntervalMs: 5000 }).with({ userId: 'user_1' })
      console.log(observe() === before ? 'the same' : before + observe())`

    const { stdout, stderr } = await runModule(source, { node, cwd: project.folder })

    expect(stderr).toBe('')
    expect(stdout).toBe('the same\n')
  })
})

/** The files of an entry point that is in one or more: its own, and what it shares with others. */
async function filesOf(entry: string): Promise<Map<string, { text: string; imports: string[] }>> {
  const files = new Map<string, { text: string; imports: string[] }>()
  const visit = async (file: string): Promise<void> => {
    if (files.has(file)) return
    const text = await readFile(join(root, 'dist', file), 'utf8')
    const matches = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g)
    const imports = [...matches].map(([, name = '']) => name)
    files.set(file, { text, imports })
    for (const name of imports.filter((each) => each.startsWith('./'))) await visit(name.slice(2))
  }
  await visit(entry)
  return files
}

describe.each(['index.js', 'cloudflare.js'])(
  'the core and what stands on the Web platform alone: %s',
  (entry) => {
    it('imports nothing but its own files', async () => {
      const files = [...(await filesOf(entry)).values()]

      for (const name of files.flatMap(({ imports }) => imports)) expect(name).toMatch(/^\.\/[\w-]+\.js$/)
      expect(files.length).toBeGreaterThan(0)
    })

    it('names nothing that only Node has', async () => {
      for (const { text } of (await filesOf(entry)).values()) {
        const code = text
          .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
          .replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, '""')

        for (const name of [
          'process',
          'Buffer',
          'require',
          'setImmediate',
          'global',
          '__dirname',
          'module',
        ]) {
          expect(code).not.toMatch(new RegExp(`(?<![.\\w$])${name}(?![\\w$]|\\s*:(?!:))`))
        }
        expect(text).not.toContain('node:')
      }
    })
  },
)

it('the Lambda entry imports of Node what it needs, and nothing else but files of this package', async () => {
  const files = [...(await filesOf('lambda.js')).values()]

  const others = new Set(files.flatMap(({ imports }) => imports).filter((name) => !name.startsWith('./')))
  expect([...others].sort()).toEqual(['node:async_hooks', 'node:http', 'node:worker_threads'])
})
