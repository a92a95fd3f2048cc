import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findRuntimes } from './runtimes.ts'
import { moduleUrl, open } from './server-program.ts'

describe.concurrent.each(await findRuntimes())('on $name', (runtime) => {
  it('a process that ends by itself sends what is queued first', async () => {
    await using setup = await open(runtime)

    const program = await setup.run(`track(3)`)

    expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(setup.ingest.stats.stored).toBe(3)
  })

  it.each([
    ['process.exit()', `track(3); process.exit(0)`],
    ['an error that nobody catches', `track(3); throw new Error('on purpose')`],
  ])('what %s leaves behind is told', async (_title, source) => {
    await using setup = await open(runtime)

    const program = await setup.run(source, {
      config: `logger: { warn: (message, { events }) => console.log(message, events) }`,
    })

    const { stdout, stderr } = await program.ended
    const isUnseen = runtime.name.startsWith('Deno') && /on purpose/.test(stderr) // Deno tells nobody of such an end
    expect(stdout).toBe(isUnseen ? '' : 'GFlux: The process ends with events that could not be sent 3\n')
    expect(setup.ingest.stats.stored).toBe(0)
  })

  it.each(['', `track(1); await gflux.flush()`])(
    'what the application tracks in its own listener to its end is sent, after: %j',
    async (source) => {
      await using setup = await open(runtime)

      const program = await setup.run(
        `process.once('beforeExit', () => gflux.track('finished', { userId: 'user_1' })); ${source}`,
      )

      expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
      expect(setup.ingest.events.at(-1)?.event).toBe('finished')
    },
  )

  it.each(['shutdown', 'flush'])(
    'its own end leaves nothing in the spool of what %s() sent',
    async (method) => {
      await using setup = await open(runtime)
      const spool = await mkdtemp(join(tmpdir(), 'gflux-spool-'))

      const program = await setup.run(
        `await gflux.track('opened', { userId: 'user_1' }); await gflux.${method}()`,
        {
          config: `spool: ${JSON.stringify(spool)}`,
        },
      )

      expect(await program.ended).toMatchObject({ code: 0, stderr: '' })
      const files = (await readdir(spool)).filter((name) => name.endsWith('.log'))
      const contents = await Promise.all(files.map((name) => readFile(join(spool, name), 'utf8')))
      expect(contents.join('')).toBe('')
      expect(setup.ingest.stats.stored).toBe(1)
      await rm(spool, { recursive: true })
    },
  )

  it('what a dead process left holds up no shutdown(), sent a moment before', async () => {
    await using setup = await open(runtime)
    const spool = await mkdtemp(join(tmpdir(), 'gflux-spool-'))
    const config = `spool: ${JSON.stringify(spool)}`
    const dying = await setup.run(
      `for (let n = 0; n < 3; n++) await gflux.track('opened', { userId: 'user_1', properties: { n } })
       process.kill(process.pid, 'SIGKILL')`,
      { config: `${config}, fetch: async () => { throw new Error('down') }` },
    )
    await dying.ended

    const next = await setup.run(
      `while (ingest.events.length < 3) await new Promise((resolve) => setTimeout(resolve, 1))
       await gflux.shutdown()
       console.log(ingest.stats.stored)`,
      {
        // In process, so that it answers before the attempt is synced.
        before: `import { createTestIngest } from '${moduleUrl('testing')}'
          const ingest = createTestIngest()`,
        config: `${config}, fetch: (...request) => ingest.fetch(...request)`,
      },
    )

    expect(await next.ended).toMatchObject({ code: 0, stdout: '3\n', stderr: '' })
    expect(await readdir(spool)).toEqual([])
  })

  it('a signal ends a process whose queue has just filled a file of the spool', async () => {
    await using setup = await open(runtime)
    const spool = await mkdtemp(join(tmpdir(), 'gflux-spool-'))

    const program = await setup.run(
      `const tracked = Array.from({ length: 6 }, () => gflux.track('opened', { userId: 'user_1' }))
       await Promise.all(tracked.slice(0, 4))
       gflux.track('opened', { userId: 'user_1' })
       gflux.track('opened', { userId: 'user_1' })
       process.kill(process.pid, 'SIGTERM')
       setTimeout(() => undefined, 60_000)`,
      {
        config: `spool: ${JSON.stringify(spool)}, maxQueueSize: 4, maxRetries: 0,
          fetch: async () => { throw new Error('down') }`,
      },
    )

    expect(await program.ended).toMatchObject({ signal: 'SIGTERM' })
    await rm(spool, { recursive: true })
  })

  it('what process.exit() leaves behind is not said to be in the spool while it is on its way there', async () => {
    await using setup = await open(runtime)
    const spool = await mkdtemp(join(tmpdir(), 'gflux-spool-'))
    const config = `spool: ${JSON.stringify(spool)},
      logger: { warn: (message, { events }) => console.log(message, events) }`

    const early = await setup.run(`track(3); process.exit(0)`, { config })
    const late = await setup.run(`track(3); setTimeout(() => process.exit(0), 500)`, { config })

    expect((await early.ended).stdout).toBe('GFlux: The process ends with events that could not be sent 3\n')
    expect((await late.ended).stdout).toBe('GFlux: The process ends with events that stay in the spool 3\n')
    await rm(spool, { recursive: true })
  })

  it('a process does not wait at its end for an API that asks for more quiet than there is time', async () => {
    await using quiet = await open(runtime)
    await using down = await open(runtime)
    quiet.ingest.fail({ status: 429, retryAfter: 3600, every: 1 })
    down.ingest.fail({ status: 503, every: 1 })
    const source = `track(3); process.on('exit', () => console.log(performance.now()))`

    const programs = await Promise.all([quiet.run(source), down.run(source)])
    const [quietMs, downMs] = await Promise.all(
      programs.map(async ({ ended }) => Number((await ended).stdout)),
    )

    expect(quietMs).toBeLessThan((downMs as number) / 2)
    expect(quiet.ingest.stats.requests).toBe(1)
  })

  it('a process ends by itself while the API is down', async () => {
    await using setup = await open(runtime)
    setup.ingest.fail({ status: 503, every: 1 })

    const program = await setup.run(`track(3)`)

    expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(setup.ingest.stats.requests).toBeGreaterThan(2)
  })

  it('a process that ends by itself waits for an API that hangs once, and tries it once more', async () => {
    await using setup = await open(runtime)
    setup.ingest.fail({ hang: true, every: 1 })

    const program = await setup.run(`track(20)`, { config: 'timeoutMs: 1000' })

    expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(setup.ingest.stats.requests).toBeLessThanOrEqual(3)
  })

  it('nor does it wait longer for what a dead process left in the spool', async () => {
    await using setup = await open(runtime)
    const spool = await mkdtemp(join(tmpdir(), 'gflux-spool-'))
    const config = `spool: ${JSON.stringify(spool)}, timeoutMs: 1000`
    setup.ingest.fail({ hang: true, every: 1 })
    const dead = await setup.run(
      `await gflux.track('opened', { userId: 'user_1' }); process.kill(process.pid, 'SIGKILL')`,
      { config },
    )
    await dead.ended

    const program = await setup.run(`setTimeout(() => {}, 500)`, { config })

    expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(setup.ingest.stats.requests).toBeGreaterThan(0)
    expect(setup.ingest.stats.requests).toBeLessThanOrEqual(3)
    await rm(spool, { recursive: true })
  })
})
