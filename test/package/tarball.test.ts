import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'

const root = inject('packageRoot')

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

async function manifest() {
  return JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
}

describe('the tarball', () => {
  it('holds the entry points, their types and what they share, and nothing else', async () => {
    const { exports, bin } = await manifest()

    const files = await filesIn(root)

    const targets =
      JSON.stringify([exports, bin]).match(/(?<=")(\.\/)?(dist\/[\w-]+|package)\.(js|d\.ts|json)(?=")/g) ?? []
    const scripts = Object.values(exports).flatMap(
      (each) => JSON.stringify(each).match(/dist\/[\w-]+(?=\.js)/) ?? [],
    )
    const expected = new Set([
      ...targets.map((target) => target.replace(/^\.\//, '')),
      ...scripts.map((name) => `${name}.d.ts`),
    ])
    expect(files).toEqual(expect.arrayContaining([...expected]))
    for (const file of files.filter((name) => !expected.has(name))) {
      expect(file).toMatch(/^(README\.md|LICENSE|docs\/[a-z]+\.md|dist\/[a-z-]+-[\w-]{8}\.(js|d\.ts))$/)
    }
  })

  it('installs nothing else and runs nothing', async () => {
    const { dependencies, optionalDependencies, scripts = {}, type, sideEffects, engines } = await manifest()

    expect([dependencies, optionalDependencies]).toEqual([undefined, undefined])
    expect(Object.keys(scripts).filter((name) => /install|^prepare$/.test(name))).toEqual([])
    expect({ type, sideEffects, engines }).toEqual({
      type: 'module',
      sideEffects: false,
      engines: { node: '>=18' },
    })
  })

  it('has a file for every export and bin', async () => {
    const { exports, bin } = await manifest()

    const targets = JSON.stringify([exports, bin]).match(/"(\.\/)?dist\/[^"]+"/g) ?? []
    for (const target of targets) {
      expect((await stat(join(root, JSON.parse(target)))).isFile()).toBe(true)
    }
    expect(targets.length).toBeGreaterThan(2)
    expect(await readFile(join(root, bin.gflux), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })

  it('leaks no path of the machine it was built on', async () => {
    for (const file of await filesIn(root)) {
      expect(await readFile(join(root, file), 'utf8')).not.toContain(process.cwd())
    }
  })
})
