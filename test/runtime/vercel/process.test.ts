import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, it } from 'vitest'
import { createTestIngest } from '../../../ingest/index.ts'
import { runNode } from '../../support/child.ts'
import { findNodes } from '../../support/nodes.ts'
import { type End, type Runtime, startFile } from '../../support/program.ts'
import { createProject } from '../../support/project.ts'

const packageRoot = inject('packageRoot')

/** A process that tracks, says so, and then gets the signals, at intervals of 300 ms. */
async function terminate(
  source: string,
  {
    runtime,
    env = {},
    signals = ['SIGTERM'],
  }: { runtime: Runtime; env?: Record<string, string>; signals?: readonly NodeJS.Signals[] },
): Promise<End> {
  await using project = await createProject(packageRoot)
  await using started = await startFile(runtime, await project.write('main.mjs', source), { env })
  await started.matches(/ready/)
  for (const [index, each] of signals.entries()) {
    if (index) await sleep(300)
    started.child.kill(each)
  }
  return await started.ended
}

const program = (url: string, listener = '') => `
  import { initGFluxNode } from '@getfluxly/node'
  import { withGFlux } from '@getfluxly/node/vercel'
  const gflux = initGFluxNode({ token: 'gflux_secret_x', apiHost: '${url}' })
  ${listener}
  setInterval(() => {}, 1000)
  const handler = withGFlux(gflux, async () => { await gflux.track('opened', { userId: 'user_1' }) })
  await handler()
  await gflux.track('late', { userId: 'user_1' })
  console.log('ready', process.listenerCount('SIGTERM'))`

/** As a platform does with a process whose signal was long ago. */
const killAfter = (ms: number) => `setTimeout(() => process.exit(9), ${ms})`
/** What Cloud Run gives, the shortest of what processes of their own get. */
const ownLimitMs = 10_000
/** Vercel gives 500 ms; a busy machine may need as long to start the process. */
const vercelLimitMs = 3_000

describe.each(findNodes())('on $name', (runtime) => {
  it.each([
    ['in a process of its own', {}],
    ['on Vercel', { VERCEL: '1' }],
  ])(
    'SIGTERM waits for what is under way and flushes what is queued, and the process dies by it: %s',
    async (_title, env) => {
      const ingest = createTestIngest()
      await using server = await ingest.listen()
      ingest.fail({ delayMs: 150, times: Infinity })

      const ended = await terminate(program(server.url), { runtime, env })

      expect(ended).toMatchObject({ code: null, signal: 'SIGTERM', stdout: 'ready 1\n' })
      expect(ingest.events.map(({ event }) => event).sort()).toEqual(['late', 'opened'])
    },
  )

  it('SIGINT waits for it too', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    ingest.fail({ delayMs: 150, times: Infinity })

    const ended = await terminate(program(server.url), { runtime, signals: ['SIGINT'] })

    expect(ended).toMatchObject({ code: null, signal: 'SIGINT' })
    expect(ingest.events.map(({ event }) => event).sort()).toEqual(['late', 'opened'])
  })

  it('a second SIGINT waits for nothing', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    ingest.fail({ hang: true, times: Infinity })
    const patient = `setTimeout(() => console.log('waited'), 4000)`

    const ended = await terminate(program(server.url, patient), { runtime, signals: ['SIGINT', 'SIGINT'] })

    expect(ended).toMatchObject({ code: null, signal: 'SIGINT' })
    expect(ended.stdout).not.toContain('waited')
  })

  it('another listener decides when the process ends', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    const listener = `process.once('SIGTERM', () => setTimeout(() => {
      console.log('own', process.listenerCount('SIGTERM'))
      process.exit(7)
    }, 500))`

    const ended = await terminate(program(server.url, listener), { runtime })

    expect(ended).toMatchObject({ code: 7, stdout: 'ready 2\nown 1\n' })
    expect(ingest.events).toHaveLength(2)
  })

  it('what a process leaves that ends itself is told', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    ingest.fail({ hang: true, every: 1 })
    const logger = `{ warn: (message, { events }) => console.log(message, events) }`
    const source = program(server.url, `process.on('SIGTERM', () => process.exit(0))`)

    const ended = await terminate(source.replace("gflux_secret_x'", `$&, logger: ${logger}`), { runtime })

    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toContain('GFlux: The process ends with events that could not be sent 2\n')
  })

  it('the signal has the logger told of the warnings that were held back', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    const logger = `{ warn: (message, { suppressed }) => console.log(message, suppressed) }`
    const refused = `for (let n = 0; n < 4; n++) gflux.track('Not snake case', { userId: 'user_1' })`
    const source = program(server.url, refused).replace("gflux_secret_x'", `$&, logger: ${logger}`)

    const ended = await terminate(source, { runtime })

    const refusal = 'GFlux: track() was refused: validation_error'
    expect(ended.stdout).toBe(`${refusal} undefined\nready 1\n${refusal} 2\n`)
  })

  it('two copies of the package have one listener', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    const copies = `
      const { cp } = await import('node:fs/promises')
      await cp('node_modules/@getfluxly/node', 'copy', { recursive: true })
      const other = await import(process.cwd() + '/copy/dist/vercel.js')
      const second = other.initGFluxVercel({ token: 'gflux_secret_x', apiHost: '${server.url}' })
      await other.withGFlux(second, async () => { await second.track('second', { userId: 'user_1' }) })()`

    await using project = await createProject(packageRoot)
    await project.write(
      'main.mjs',
      `process.chdir(import.meta.dirname ?? '.');${program(server.url, copies)};process.kill(process.pid, 'SIGTERM')`,
    )
    const ended = await runNode(['main.mjs'], { node: runtime.program, cwd: project.folder })

    expect(ended).toMatchObject({ code: null, stdout: 'ready 1\n' })
    expect(ingest.events.map(({ event }) => event).sort()).toEqual(['late', 'opened', 'second'])
  })

  it('SIGTERM tries an API that was down once more', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    ingest.fail({ status: 503, times: 2 })
    const failing = `
      const early = withGFlux(gflux, () => gflux.track('early', { userId: 'user_1' }))
      for (let round = 0; round < 2; round++) await early()`
    const source = program(server.url, failing).replace('apiHost:', 'maxRetries: 0, apiHost:')

    const ended = await terminate(source, { runtime, env: { VERCEL: '1' } })

    expect(ended).toMatchObject({ code: null, signal: 'SIGTERM' })
    expect(ingest.stats).toMatchObject({ stored: 4, rejected: 0 })
  })

  it.each([
    ['in a process of its own', {}, ownLimitMs],
    ['on Vercel', { VERCEL: '1' }, vercelLimitMs],
  ])(
    'what is held ends with the time that the signal leaves, for a server that waits for it: %s',
    async (_title, env, limitMs) => {
      const ingest = createTestIngest()
      await using server = await ingest.listen()
      ingest.fail({ hang: true, times: Infinity })
      const waiting = `
      const held = []
      const waitUntil = (promise) => held.push(promise)
      globalThis[Symbol.for('@vercel/request-context')] = { get: () => ({ waitUntil }) }
      process.once('SIGTERM', async () => {
        await handler()
        for (let count = 0; count < held.length; ) {
          count = held.length
          await Promise.all(held)
        }
        process.exit(143)
      })
      ${killAfter(limitMs)}`

      const ended = await terminate(program(server.url, waiting), { runtime, env })

      expect(ended.code).toBe(143)
    },
  )

  it('a signal is not held up by an API that hangs', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    ingest.fail({ hang: true, times: Infinity })

    const ended = await terminate(program(server.url, killAfter(ownLimitMs)), { runtime })

    expect(ended).toMatchObject({ code: null, signal: 'SIGTERM' })
    expect(ingest.stats.stored).toBe(0)
  })
})

describe('examples/vercel', () => {
  it('answers, and delivers what it tracked with where it ran', async () => {
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    await using project = await createProject(packageRoot)
    const example = join(import.meta.dirname, '../../../examples/vercel/api/orders.ts')
    await project.write('api/orders.ts', await readFile(example, 'utf8'))
    await project.write(
      'main.mjs',
      `import { POST } from './api/orders.ts'
      const headers = { cookie: 'gflux_anonymous_id=anon_1', 'x-vercel-id': 'iad1::1' }
      const held = []
      const context = { headers, waitUntil: (promise) => held.push(promise) }
      globalThis[Symbol.for('@vercel/request-context')] = { get: () => context }
      const response = await POST(new Request('https://example.com/api/orders', { method: 'POST', body: '{"total":3}', headers }))
      await Promise.all(held)
      console.log(await response.text())`,
    )
    const env = {
      VERCEL: '1',
      VERCEL_REGION: 'iad1',
      GFLUX_SERVER_TOKEN: 'gflux_secret_x',
      GFLUX_API_HOST: server.url,
    }

    const ended = await runNode(['--no-warnings', 'main.mjs'], { cwd: project.folder, env })

    expect(ended).toEqual({ code: 0, stdout: '{"ok":true}\n', stderr: '' })
    expect(ingest.events).toMatchObject([
      { event: 'order_placed', anonymous_id: 'anon_1', context: { region: 'iad1', vercel_id: 'iad1::1' } },
    ])
  })
})
