import { chmod, mkdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { runModule, runNode } from '../support/child.ts'
import { findNodes } from '../support/nodes.ts'
import { startFile } from '../support/program.ts'
import { createProject } from '../support/project.ts'

const root = inject('packageRoot')

describe.each(findNodes())('gflux on $name', (runtime) => {
  const node = runtime.program

  it('dev serves the ingest until it is interrupted', async () => {
    await using project = await createProject(root)
    const { bin } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    const command = join(project.folder, 'node_modules/.bin/gflux')
    const target = join(project.folder, 'node_modules/@getfluxly/node', bin.gflux)
    await mkdir(join(project.folder, 'node_modules/.bin'))
    await symlink(target, command)
    await chmod(target, 0o755)
    await using dev = await startFile(runtime, command, { args: ['dev', '--port', '0'] })
    const [, apiHost] = await dev.matches(/apiHost: '([^']+)'.*Ctrl\+C/s)

    const sent = await runModule(
      `
      import { initGFluxNode } from '@getfluxly/node'
      const gflux = initGFluxNode({ token: 'gflux_secret_dev', apiHost: '${apiHost}' })
      await gflux.track('opened', { userId: 'user_1' })
      console.log((await gflux.shutdown()).accepted)`,
      { node, cwd: project.folder },
    )
    dev.child.kill('SIGINT')
    const { code, stdout } = await dev.ended

    expect(sent).toEqual({ code: 0, stdout: '1\n', stderr: '' })
    expect(stdout).toMatch(/POST \/v1\/events\/batch 202 {2}1 event/)
    expect(stdout).toMatch(/1 request, 1 event stored, 0 rejected\n$/)
    expect(code).toBe(0)
  })

  it('dev ends without a word when nobody reads its output any more', async () => {
    await using dev = await startFile(runtime, join(root, 'dist/cli.js'), { args: ['dev', '--port', '0'] })
    const [, apiHost] = await dev.matches(/apiHost: '([^']+)'.*Ctrl\+C/s)

    dev.child.stdout?.destroy()
    await fetch(`${apiHost}/`).catch(() => undefined) // it may end before it answers
    const { code, stderr } = await dev.ended

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it('explains itself and what it does not understand', async () => {
    const cli = join(root, 'dist/cli.js')

    const help = await runNode([cli, '--help'], { node })
    const wrong = await runNode([cli, 'serve'], { node })

    expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('Usage: gflux dev') })
    expect(wrong).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('unknown command') })
  })
})
