import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, inject, it } from 'vitest'
import { createTestIngest } from '../../../ingest/index.ts'
import { type Program, start } from '../../support/program.ts'
import { findRuntimes } from './runtimes.ts'

const server = pathToFileURL(join(inject('packageRoot'), 'dist/server.js')).href
const NOBODY = 65_534
const runtimes = (await findRuntimes()).filter(({ name }) => name.startsWith('Node'))

describe.runIf(process.getuid?.() === 0).each(runtimes)(
  'a folder that not all may use, on $name',
  (runtime) => {
    const run = (spool: string, apiHost: string, user: number, source: string): Promise<Program> =>
      start(
        runtime,
        `import { initGFluxServer } from '${server}'
      process.setgid(${user})
      process.setuid(${user})
      const logger = { warn: (message) => console.log(message) }
      const gflux = initGFluxServer({ token: 'gflux_secret_x', apiHost: '${apiHost}', spool: '${spool}', logger })
      await gflux.track('opened', { userId: 'user_1' })
      ${source}`,
      )

    it('with what another user left: says so', async () => {
      const ingest = createTestIngest()
      const { url, close } = await ingest.listen()
      const spool = await mkdtemp(join(tmpdir(), 'gflux-spool-'))
      await chmod(spool, 0o777)
      ingest.fail({ status: 503, every: 1 })
      await using dead = await run(spool, url, 0, `process.kill(process.pid, 'SIGKILL')`)
      await dead.ended
      ingest.reset()

      await using program = await run(spool, url, NOBODY, '')

      expect(await program.ended).toMatchObject({
        code: 0,
        stdout: 'GFlux: The spool has files of another user: whether they are left over can’t be told\n',
        stderr: '',
      })
      expect(ingest.stats.stored).toBe(1)
      await close()
      await rm(spool, { recursive: true })
    })

    it('that can’t be listed: leaves events in memory, and no file open', async () => {
      const ingest = createTestIngest()
      const { url, close } = await ingest.listen()
      const spool = await mkdtemp(join(tmpdir(), 'gflux-spool-'))
      await chown(spool, NOBODY, NOBODY)
      await chmod(spool, 0o300)

      await using program = await run(
        spool,
        url,
        NOBODY,
        `const { setFlagsFromString } = await import('node:v8')
      const { runInNewContext } = await import('node:vm')
      setFlagsFromString('--expose-gc')
      runInNewContext('gc')()
      await new Promise((resolve) => setTimeout(resolve, 100))`,
      )

      expect(await program.ended).toMatchObject({
        code: 0,
        stdout: 'GFlux: The spool failed: events are in memory alone\n',
        stderr: '', // Node warns of a file that it has to close itself
      })
      expect(ingest.stats.stored).toBe(1)
      await close()
      await rm(spool, { recursive: true })
    })
  },
)
