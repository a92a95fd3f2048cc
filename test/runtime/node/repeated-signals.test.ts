import { describe, expect, it } from 'vitest'
import type { Program } from '../../support/program.ts'
import { findRuntimes } from './runtimes.ts'
import { moduleUrl, open } from './server-program.ts'

const signals = ['SIGTERM', 'SIGINT'] as const
const config = 'timeoutMs: 60_000, logger: { warn: (message, { events }) => console.log(message, events) }'
const lost = (events: number): string =>
  `GFlux: The process ends with events that could not be sent ${events}\n`

/** Listens as Nest and terminus do, which send the signal again when they have closed. */
const closing = (closeMs: number): string => `
  const alive = setInterval(() => {}, 1000)
  const close = async (signal) => {
    await new Promise((resolve) => setTimeout(resolve, ${closeMs}))
    track(1)
    clearInterval(alive)
    for (const each of ${JSON.stringify(signals)}) process.removeListener(each, close)
    process.kill(process.pid, signal)
  }
  for (const each of ${JSON.stringify(signals)}) process.on(each, close)`

/** Ctrl+C: tells how the program ended, and how long it took. */
async function interrupt(program: Program) {
  const askedAt = performance.now()
  program.child.kill('SIGINT')
  const { signal, stdout } = await program.ended
  return { signal, stdout, tookMs: performance.now() - askedAt }
}

describe.concurrent.each(await findRuntimes())('on $name', (runtime) => {
  it('ends by SIGINT when the clients of both adapters are done', async () => {
    await using setup = await open(runtime)
    setup.ingest.fail({ delayMs: 300, times: 3 })
    const program = await setup.run(
      `gflux.track('opened', { userId: 'user_1' }).then(() => gflux.track('opened', { userId: 'user_2' }))
      initGFluxVercel({ ...config, flushAt: 1 }).track('opened', { userId: 'user_3' })
      setInterval(() => {}, 1000)
      console.log('ready')`,
      { before: `import { initGFluxVercel } from '${moduleUrl('vercel')}'` },
    )
    await program.says('ready')

    program.child.kill('SIGINT')

    expect(await program.ended).toMatchObject({ code: null, signal: 'SIGINT', stderr: '' })
    expect(setup.ingest.stats).toMatchObject({ stored: 3, duplicates: 0 })
  })

  it.each(signals)(
    'sends all where the application sends %s again while there is something to send',
    async (signal) => {
      await using setup = await open(runtime)
      setup.ingest.fail({ status: 503, times: 1 })
      const program = await setup.run(`${closing(50)}; track(3); console.log('ready')`)
      await program.says('ready')

      program.child.kill(signal)

      expect(await program.ended).toMatchObject({ code: null, signal, stderr: '' })
      expect(setup.ingest.stats.stored).toBe(4)
    },
  )

  it.each(signals.flatMap((signal) => (['on', 'once'] as const).map((method) => [signal, method] as const)))(
    'dies by %s where the application sends it again with nothing left to do, and listened with %s()',
    async (signal, method) => {
      await using setup = await open(runtime)
      const program = await setup.run(`
        const alive = setInterval(() => {}, 1000)
        const close = async (signal) => {
          await new Promise((resolve) => setTimeout(resolve, 500))
          clearInterval(alive)
          process.removeListener(signal, close)
          process.kill(process.pid, signal)
        }
        process.${method}('${signal}', close)
        track(3)
        await gflux.flush()
        console.log('ready')`)
      await program.says('ready')

      program.child.kill(signal)

      expect(await program.ended).toMatchObject({ code: null, signal, stderr: '' })
      expect(setup.ingest.stats.stored).toBe(3)
    },
  )

  it.each(['on', 'once'])(
    'ends by itself as ever after a SIGINT that process.%s() took for something else',
    async (method) => {
      await using setup = await open(runtime)
      const program = await setup.run(`
      const alive = setInterval(() => {}, 1000)
      const cancel = () => {
        setTimeout(() => process.removeListener('SIGINT', cancel), 500)
        setTimeout(() => clearInterval(alive), 700)
      }
      process.${method}('SIGINT', cancel)
      track(3)
      await gflux.flush()
      console.log('ready')`)
      await program.says('ready')

      program.child.kill('SIGINT')

      expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
      expect(setup.ingest.stats.stored).toBe(3)
    },
  )

  it('a second SIGINT ends the process at once, and what it leaves is told', async ({ expect }) => {
    await using setup = await open(runtime)
    setup.ingest.fail({ hang: true, every: 1 })
    const program = await setup.run(`setInterval(() => {}, 1000); track(3); console.log('ready')`, { config })
    await program.says('ready')

    program.child.kill('SIGINT')
    await expect.poll(() => setup.ingest.stats.inFlight, { timeout: 10_000 }).toBe(1)
    program.child.kill('SIGINT')

    expect(await program.ended).toMatchObject({ code: null, signal: 'SIGINT', stdout: `ready\n${lost(3)}` })
    expect(setup.ingest.stats.requests).toBe(1)
  })

  it('a second SIGINT ends the process at once whose own listener, gone by then, still works', async ({
    expect,
  }) => {
    await using setup = await open(runtime)
    setup.ingest.fail({ hang: true, every: 1 })
    const program = await setup.run(
      `process.once('SIGINT', () => console.log('closes')); track(1); setInterval(() => {}, 1000); console.log('ready')`,
      { config },
    )
    await program.says('ready')
    program.child.kill('SIGINT')
    await program.says('closes')
    await expect.poll(() => setup.ingest.stats.requests).toBe(1)

    const { signal, stdout, tookMs } = await interrupt(program)

    expect(signal).toBe('SIGINT')
    expect(stdout).toContain(lost(1))
    expect(tookMs).toBeLessThan(2500) // a drain takes 5 s of an API that hangs
  })

  it('one more SIGINT ends it at once where the application sent the second', async () => {
    await using setup = await open(runtime)
    setup.ingest.fail({ hang: true, every: 1 })
    const program = await setup.run(
      `${closing(50)}; process.once('SIGINT', () => setTimeout(() => console.log('sent again'), 500)); track(1); console.log('ready')`,
      { config },
    )
    await program.says('ready')
    program.child.kill('SIGINT')
    await program.says('sent again')

    const { signal, stdout, tookMs } = await interrupt(program)

    expect(signal).toBe('SIGINT')
    expect(stdout).toContain(lost(2))
    expect(tookMs).toBeLessThan(2500)
  })
})
