import { globSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const pages = globSync('{README,docs/*,test/README,examples/*/README}.md', { cwd: root }).sort()

it.each(pages)('%s links to what there is', async (page) => {
  const text = await readFile(join(root, page), 'utf8')
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)]

  const broken = await Promise.all(links.map(([, path, anchor]) => isBroken(page, path, anchor)))

  expect(links.filter((_, index) => broken[index]).map(([link]) => link)).toEqual([])
})

it('are all looked at', () => {
  expect(pages).toContain('README.md')
  expect(pages.filter((page) => page.startsWith('docs/'))).toHaveLength(5)
})

async function isBroken(
  page: string,
  path: string | undefined,
  anchor: string | undefined,
): Promise<boolean> {
  const target = path ? join(root, dirname(page), path) : join(root, page)
  const isThere = await stat(target).catch(() => undefined)
  if (!isThere || relative(root, target).startsWith('..')) return true
  return anchor !== undefined && !(await anchorsOf(target)).includes(anchor)
}

/** As GitHub makes them of headings. */
async function anchorsOf(file: string): Promise<string[]> {
  const headings = (await readFile(file, 'utf8')).matchAll(/^#+ (.+)$/gm)
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
