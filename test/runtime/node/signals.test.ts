import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, inject, it } from 'vitest'
import { findRuntimes } from './runtimes.ts'
import { moduleUrl, open } from './server-program.ts'

const packageRoot = inject('packageRoot')
const [core, vercel] = ['index', 'vercel'].map(moduleUrl)
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
  it.each(
    (['SIGTERM', 'SIGINT'] as const).flatMap((signal) => [
      [signal, 'alone', ''] as const,
      [
        signal,
        'beside signal-exit, which waits to be alone too',
        `const { onExit } = await import('${signalExit}'); onExit(() => {})`,
      ] as const,
    ]),
  )('sends what is queued on %s, and dies by it: %s', async (signal, _company, listener) => {
    await using setup = await open(runtime)
    setup.ingest.fail({ status: 503, times: 1 })
    const program = await setup.run(`
      setInterval(() => {}, 1000)
      track(3)
      ${listener}
      console.log('ready')`)
    await program.says('ready')

    program.child.kill(signal)

    expect(await program.ended).toMatchObject({ code: null, signal, stderr: '' })
    expect(setup.ingest.stats.stored).toBe(3)
  })

  it('loses nothing by a request that hangs: another one follows while there is time', async () => {
    await using setup = await open(runtime)
    setup.ingest.fail({ hang: true, times: 1 })
    const program = await setup.run(`setInterval(() => {}, 1000); track(3); console.log('ready')`)
    await program.says('ready')

    program.child.kill('SIGTERM')

    expect(await program.ended).toMatchObject({ code: null, signal: 'SIGTERM', stderr: '' })
    expect(setup.ingest.stats).toMatchObject({ stored: 3, duplicates: 0 })
  })

  it('waits for an alias() that nobody awaited', async () => {
    await using setup = await open(runtime)
    setup.ingest.fail({ status: 503, times: 1 })
    const program = await setup.run(`
      setInterval(() => {}, 1000)
      gflux.alias({ userId: 'user_1', anonymousId: 'device_1' })
      console.log('ready')`)
    await program.says('ready')

    program.child.kill('SIGTERM')

    expect(await program.ended).toMatchObject({ code: null, signal: 'SIGTERM', stderr: '' })
    expect(setup.ingest.aliases).toHaveLength(1)
  })

  it('tells how many of them it leaves', async () => {
    await using setup = await open(runtime)
    setup.ingest.fail({ hang: true, every: 1 })
    const program = await setup.run(
      `
      setInterval(() => {}, 1000)
      gflux.erase({ id: 'user_1', reason: 'gdpr_dsr' })
      process.on('SIGUSR2', () => process.exit())
      console.log('ready')`,
      {
        config: `timeoutMs: 0, logger: { debug() {}, warn: (...told) => console.log(JSON.stringify(told)) }`,
      },
    )
    await program.says('ready')

    program.child.kill('SIGUSR2')

    const { stdout } = await program.ended
    expect(stdout).toBe(
      'ready\n["GFlux: The process ends before the API answered alias() or erase()",{"calls":1}]\n',
    )
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
