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

describe.each(findNodes())('on Node $version', ({ path: node }) => {
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
      ./server initGFluxServer
      ./testing createTestIngest
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

  it.each(['@getfluxly/node', '@getfluxly/node/server', '@getfluxly/node/testing'])(
    'importing %s changes nothing',
    async (name) => {
      await using project = await createProject(root)
      const source = `
      ${observe}
      Math.random = Date.now = globalThis.setTimeout = globalThis.fetch = () => { throw new Error('called on import') }
      const before = observe()
      await import('${name}')
      console.log(observe() === before ? 'the same' : before + observe())`

      const { stdout, stderr } = await runModule(source, { node, cwd: project.folder })

      expect(stderr).toBe('')
      expect(stdout).toBe('the same\n')
    },
  )

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

describe('the core', () => {
  it('imports nothing but its own files', async () => {
    const seen = new Set<string>()
    const visit = async (file: string): Promise<void> => {
      if (seen.has(file)) return
      seen.add(file)
      const text = await readFile(join(root, 'dist', file), 'utf8')
      const imports = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g)].map(
        ([, name = '']) => name,
      )
      expect(imports.filter((name) => !/^\.\/[\w-]+\.js$/.test(name))).toEqual([])
      for (const name of imports) await visit(name.slice(2))
    }

    await visit('index.js')

    expect(seen.size).toBeGreaterThan(0)
  })

  it('names nothing that only Node has', async () => {
    const text = await readFile(join(root, 'dist/index.js'), 'utf8')
    const code = text
      .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
      .replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, '""')

    for (const name of ['process', 'Buffer', 'require', 'setImmediate', 'global', '__dirname', 'module']) {
      expect(code).not.toMatch(new RegExp(`(?<![.\\w$])${name}(?![\\w$]|\\s*:(?!:))`))
    }
    expect(text).not.toContain('node:')
  })
})
