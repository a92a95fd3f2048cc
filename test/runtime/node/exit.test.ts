import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, inject, it } from 'vitest'
import { findRuntimes } from './runtimes.ts'
import { moduleUrl, open } from './server-program.ts'

const packageRoot = inject('packageRoot')
const [core, vercel, testing] = ['index', 'vercel', 'testing'].map(moduleUrl)
const modules = resolve(import.meta.dirname, '../../../node_modules')
/** Comes with other packages. */
const signalExit = pathToFileURL(join(modules, 'signal-exit/dist/mjs/index.js')).href

const runtimes = await findRuntimes()
const listeners = [
  ['on', 'before'],
  ['once', 'before'],
  ['on', 'after'],
  ['once', 'after'],
] as const

describe.concurrent.each(runtimes)('on $name', (runtime) => {
  const isDeno = runtime.name.startsWith('Deno')

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
    const isUnseen = isDeno && /on purpose/.test(stderr) // Deno tells nobody of such an end
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
        before: `import { createTestIngest } from '${testing}'
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

  it.each(['SIGTERM', 'SIGINT'] as const)('sends what is queued on %s, and dies by it', async (signal) => {
    await using setup = await open(runtime)
    setup.ingest.fail({ status: 503, times: 1 })
    const program = await setup.run(`setInterval(() => {}, 1000); track(3); console.log('ready')`)
    await program.says('ready')

    program.child.kill(signal)

    expect(await program.ended).toMatchObject({ code: null, signal, stderr: '' })
    expect(setup.ingest.stats.stored).toBe(3)
  })

  it('the drain is over after five seconds', async () => {
    await using setup = await open(runtime)
    setup.ingest.fail({ hang: true, every: 1 })
    const program = await setup.run(`setInterval(() => {}, 1000); track(3); console.log('ready')`, {
      config: 'timeoutMs: 0',
    })
    await program.says('ready')

    const killedAt = Date.now()
    program.child.kill('SIGTERM')

    expect(await program.ended).toMatchObject({ code: null, signal: 'SIGTERM', stderr: '' })
    expect(Date.now() - killedAt).toBeLessThan(10_000) // what Docker grants
  })

  it.each(listeners)(
    'leaves the end to a listener of the application’s own: %s, %s the client',
    async (method, when) => {
      await using setup = await open(runtime)
      const alive = 'const alive = setInterval(() => {}, 1000)'
      const listener = `process.${method}('SIGTERM', () => {
      setTimeout(() => { track(2); console.log('closed'); clearInterval(alive) }, 300)
    })`
      const program = await setup.run(
        `${when === 'after' ? listener : ''}
      track(3)
      console.log('ready')`,
        { before: `${alive}\n${when === 'before' ? listener : ''}` },
      )
      await program.says('ready')

      program.child.kill('SIGTERM')

      expect(await program.ended).toMatchObject({
        code: 0,
        signal: null,
        stdout: 'ready\nclosed\n',
        stderr: '',
      })
      expect(setup.ingest.stats.stored).toBe(5)
    },
  )

  it.each([
    ['sooner', 'before'],
    ['later', 'before'],
    ['sooner', 'after'],
    ['later', 'after'],
  ])(
    'dies by SIGTERM beside a listener that waits to be alone, which is done %s, and came %s the client',
    async (speed, when) => {
      await using setup = await open(runtime)
      setup.ingest.fail({ status: 503, times: 1 })
      const polite = `
      const polite = async () => {
        await new Promise((resolve) => setTimeout(resolve, ${speed === 'sooner' ? 10 : 1500}))
        track(1)
        console.log('done')
        process.off('SIGTERM', polite)
        if (process.listenerCount('SIGTERM') === 0) process.kill(process.pid, 'SIGTERM')
      }
      process.on('SIGTERM', polite)`
      const [before, after] = when === 'before' ? [polite, ''] : ['', polite]
      const program = await setup.run(
        `${after}; setInterval(() => {}, 1000); track(3); console.log('ready')`,
        {
          before: before.replace('track(1)', "gflux.track('closed', { userId: 'user_1' })"),
        },
      )
      await program.says('ready')

      program.child.kill('SIGTERM')

      expect(await program.ended).toMatchObject({ signal: 'SIGTERM', stdout: 'ready\ndone\n', stderr: '' })
      expect(setup.ingest.stats.stored).toBe(4)
    },
  )

  it.each(['never tracked', 'is closed'])(
    'dies by SIGTERM beside such a listener where the client %s',
    async (state) => {
      await using setup = await open(runtime)
      const program = await setup.run(`
      const polite = async () => {
        await new Promise((resolve) => setTimeout(resolve, 50))
        process.off('SIGTERM', polite)
        if (process.listenerCount('SIGTERM') === 0) process.kill(process.pid, 'SIGTERM')
      }
      process.on('SIGTERM', polite)
      setInterval(() => {}, 1000)
      ${state === 'is closed' ? 'track(1); await gflux.shutdown()' : ''}
      console.log('ready')`)
      await program.says('ready')

      program.child.kill('SIGTERM')

      expect(await program.ended).toMatchObject({ signal: 'SIGTERM', stderr: '' })
    },
  )

  it('sends what came meanwhile where the application sends the signal again when it has closed', async () => {
    await using setup = await open(runtime)
    const program = await setup.run(`
      const close = async () => {
        await new Promise((resolve) => setTimeout(resolve, 500))
        track(2)
        process.off('SIGTERM', close)
        process.kill(process.pid, 'SIGTERM')
      }
      process.on('SIGTERM', close)
      setInterval(() => {}, 1000)
      track(3)
      console.log('ready')`)
    await program.says('ready')

    program.child.kill('SIGTERM')

    expect(await program.ended).toMatchObject({ signal: 'SIGTERM', stderr: '' })
    expect(setup.ingest.stats.stored).toBe(5)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'dies by %s beside signal-exit, which waits to be alone too',
    async (signal) => {
      await using setup = await open(runtime)
      setup.ingest.fail({ status: 503, times: 1 })
      const program = await setup.run(`
      setInterval(() => {}, 1000)
      track(3)
      const { onExit } = await import('${signalExit}')
      onExit(() => {})
      console.log('ready')`)
      await program.says('ready')

      program.child.kill(signal)

      expect(await program.ended).toMatchObject({ code: null, signal, stderr: '' })
      expect(setup.ingest.stats.stored).toBe(3)
    },
  )

  it('its own end after a signal does not try again what the drain could not send', async () => {
    await using setup = await open(runtime)
    setup.ingest.fail({ status: 503, every: 1 })
    const program = await setup.run(`
      const alive = setInterval(() => {}, 1000)
      process.on('SIGTERM', () => clearInterval(alive))
      process.on('beforeExit', () => console.log('over'))
      track(3)
      console.log('ready')`)
    await program.says('ready')

    program.child.kill('SIGTERM')

    expect(await program.ended).toMatchObject({ code: 0, stdout: 'ready\nover\n', stderr: '' })
  })

  it('its own end after a signal sends what came since, and the rest with it', async () => {
    await using setup = await open(runtime)
    const recoverFrom = setup.ingest.fail({ status: 503, every: 1 })
    const program = await setup.run(
      `
      const alive = setInterval(() => {}, 1000)
      process.on('SIGTERM', () => {})
      process.on('SIGUSR2', () => { track(3); clearInterval(alive) })
      track(3)
      console.log('ready')`,
      {
        config: `logger: { warn: (message) => message.startsWith('GFlux: The process ends') && console.log('drained') }`,
      },
    )
    await program.says('ready')

    program.child.kill('SIGTERM')
    await program.says('drained')
    recoverFrom()
    program.child.kill('SIGUSR2')

    expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(setup.ingest.stats.stored).toBe(6)
  })

  it.each(['SIGTERM', 'its own end'])(
    'with a spool, what %s can’t send is sent by the next start',
    async (end) => {
      await using setup = await open(runtime)
      const spool = await mkdtemp(join(tmpdir(), 'gflux-spool-'))
      const config = `spool: ${JSON.stringify(spool)}, logger: { warn: (message) => console.log(message) }`
      const recoverFrom = setup.ingest.fail({ status: 503, every: 1 })
      const isSignal = end === 'SIGTERM'
      const first = await setup.run(
        `${isSignal ? 'setInterval(() => {}, 1000)' : ''}
      for (let n = 0; n < 3; n++) await gflux.track('opened', { userId: 'user_1', properties: { n } })
      console.log('ready')`,
        { config },
      )
      await first.says('ready')

      if (isSignal) first.child.kill('SIGTERM')
      const ended = await first.ended
      recoverFrom()
      const second = await setup.run(`await gflux.track('started', { userId: 'user_1' })`, { config })

      expect(ended).toMatchObject({ signal: isSignal ? 'SIGTERM' : null, stderr: '' })
      expect(ended.stdout).toContain('GFlux: The process ends with events that stay in the spool')
      expect(await second.ended).toMatchObject({ code: 0, stdout: '', stderr: '' })
      expect(setup.ingest.events.map(({ event }) => event).sort()).toEqual([
        'opened',
        'opened',
        'opened',
        'started',
      ])
      expect(setup.ingest.stats.keyConflicts).toBe(0)
      await rm(spool, { recursive: true })
    },
  )

  it('with a spool, the drain also sends what waits there for room in the queue', async () => {
    await using setup = await open(runtime)
    const spool = await mkdtemp(join(tmpdir(), 'gflux-spool-'))
    const recoverFrom = setup.ingest.fail({ status: 503, every: 1 })
    const program = await setup.run(
      `
      setInterval(() => {}, 1000)
      const numbers = Array.from({ length: 1000 }, (_, n) => n)
      await Promise.all(numbers.map((n) => gflux.track('opened', { userId: 'user_1', properties: { n } })))
      console.log('ready')`,
      { config: `spool: ${JSON.stringify(spool)}, maxQueueSize: 100` },
    )
    await program.says('ready')
    recoverFrom()

    program.child.kill('SIGTERM')

    expect(await program.ended).toMatchObject({ code: null, signal: 'SIGTERM', stderr: '' })
    const numbers = setup.ingest.events.map(({ properties }) => Number(properties?.['n']))
    expect(new Set(numbers).size).toBe(1000)
    expect(numbers).toHaveLength(1000)
    const files = (await readdir(spool)).filter((name) => name.endsWith('.log'))
    expect(await Promise.all(files.map((name) => readFile(join(spool, name), 'utf8')))).toEqual([''])
    await rm(spool, { recursive: true })
  })

  it.each([
    ['server', 'vercel'],
    ['vercel', 'server'],
  ])(
    'dies by SIGTERM beside another adapter, and both send what they have: %s, then %s',
    async (first, second) => {
      await using setup = await open(runtime)
      setup.ingest.fail({ status: 503, times: 2 })
      const tracking = {
        server: 'track(3)',
        vercel: `
        const other = initGFluxNode({ ...config, flushAt: 100 })
        withGFlux(other, () => {})()
        other.track('opened', { userId: 'user_2' })`,
      } as Record<string, string>
      const program = await setup.run(`
      import { initGFluxNode } from '${core}'
      import { withGFlux } from '${vercel}'
      setInterval(() => {}, 1000)
      ${tracking[first]}
      ${tracking[second]}
      console.log('ready')`)
      await program.says('ready')

      program.child.kill('SIGTERM')

      expect(await program.ended).toMatchObject({ code: null, signal: 'SIGTERM', stderr: '' })
      expect(setup.ingest.stats.stored).toBe(4)
    },
  )

  it('adds one listener for each signal, however many clients and copies of the package there are', async () => {
    await using setup = await open(runtime)
    const copy = join(packageRoot, '..', `copy-${process.pid}-${runtimes.indexOf(runtime)}`)
    await cp(packageRoot, copy, { recursive: true })
    const count = `JSON.stringify(['SIGTERM', 'SIGINT', 'beforeExit', 'uncaughtException', 'unhandledRejection'].map((name) => process.listenerCount(name)))`
    const program = await setup.run(`
      const { initGFluxServer: initOther } = await import('${pathToFileURL(join(copy, 'dist/server.js')).href}')
      console.log(initOther === initGFluxServer)
      const other = initOther(config)
      for (let n = 0; n < 20; n++) initGFluxServer(config)
      track(3)
      other.track('closed', { userId: 'user_1' })
      console.log(${count})
      setInterval(() => {}, 1000)
      console.log('ready')`)
    await program.says('ready')

    program.child.kill('SIGTERM')

    const { signal, stdout } = await program.ended
    expect(signal).toBe('SIGTERM')
    expect(stdout).toBe('false\n[1,1,1,0,0]\nready\n')
    expect(setup.ingest.events.map(({ event }) => event).sort()).toEqual([
      'closed',
      'opened',
      'opened',
      'opened',
    ])
  })

  it('listens to no signal with handleSignals: false', async () => {
    await using setup = await open(runtime)

    const program = await setup.run(
      `track(1); console.log(process.listenerCount('SIGTERM'), process.listenerCount('SIGINT'))`,
      { config: 'handleSignals: false' },
    )

    expect(await program.ended).toMatchObject({ code: 0, stdout: '0 0\n', stderr: '' })
    expect(setup.ingest.stats.stored).toBe(1)
  })

  it(`a worker thread listens to no signal, and ${isDeno ? 'ends' : 'sends what is queued'} by itself`, async () => {
    await using setup = await open(runtime)

    const program = await setup.run(`
      import { isMainThread, Worker } from 'node:worker_threads'
      if (isMainThread) new Worker(new URL(import.meta.url))
      else {
        track(2)
        console.log(process.listenerCount('SIGTERM'))
      }`)

    expect(await program.ended).toMatchObject({ code: 0, stdout: '0\n', stderr: '' })
    // Deno's worker threads know no `beforeExit`.
    expect(setup.ingest.stats.stored).toBe(isDeno ? 0 : 2)
  })

  it('each worker of a cluster sends what it has queued, when it is disconnected', async () => {
    await using setup = await open(runtime)

    const program = await setup.run(`
      import cluster from 'node:cluster'
      if (cluster.isPrimary) {
        let ready = 0
        for (let n = 0; n < 2; n++) cluster.fork().on('message', () => { if (++ready === 2) cluster.disconnect() })
      } else {
        track(2)
        process.send('ready')
      }`)

    expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(setup.ingest.stats.stored).toBe(4)
  })

  it('the spool of a cluster’s worker stays its own after it was disconnected', async () => {
    await using setup = await open(runtime)
    const spool = await mkdtemp(join(tmpdir(), 'gflux-spool-'))

    const program = await setup.run(
      `
      import cluster from 'node:cluster'
      if (cluster.isPrimary) {
        cluster.on('listening', () => console.log('listens'))
        const worker = cluster.fork()
        worker.on('message', () => worker.disconnect())
        worker.on('disconnect', () => initGFluxServer(config)) // takes what is left over
      } else {
        await gflux.track('opened', { userId: 'user_1', properties: { n: 1 } })
        process.send('ready')
        await new Promise((resolve) => setTimeout(resolve, 2000)) // its last request
        await gflux.track('opened', { userId: 'user_1', properties: { n: 2 } })
      }`,
      { config: `spool: ${JSON.stringify(spool)}, flushIntervalMs: 60_000` },
    )

    expect(await program.ended).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(setup.ingest.stats).toMatchObject({ stored: 2, keyConflicts: 0, replays: 0 })
    await rm(spool, { recursive: true })
  })

  it('what an API that fails did not take at SIGTERM is told', async () => {
    await using setup = await open(runtime)
    setup.ingest.fail({ status: 503, every: 1 })
    const program = await setup.run(`track(3); setInterval(() => {}, 1000); console.log('ready')`, {
      config: `logger: { warn: (message, { events }) => console.log(message, events) }`,
    })
    await program.says('ready')

    program.child.kill('SIGTERM')

    const { signal, stdout } = await program.ended
    expect(signal).toBe('SIGTERM')
    expect(stdout).toContain('GFlux: The process ends with events that could not be sent 3\n')
  })
})
