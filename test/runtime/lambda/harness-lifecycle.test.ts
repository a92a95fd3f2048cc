import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { type EnvironmentOptions, startLambdaEnvironment } from '../../../lambda-environment/index.ts'
import { untyped } from '../../support/client.ts'
import { startFunction } from './sample-function.ts'

const CALLBACK = `export const handler = (event, context, callback) => { setTimeout(callback, 10, null, 'called') }`

it('version 3 of the client takes a callback handler', async () => {
  await using environment = await startFunction(CALLBACK, { runtime: 'node22' })

  const { response } = await environment.invoke()

  expect(response?.json).toBe('called')
})

it('version 4 fails its init with a callback handler, in each new process', async () => {
  await using environment = await startFunction(CALLBACK)

  const invocation = await environment.invoke(null, { timeoutMs: 10_000 })

  expect(invocation.initError).toMatchObject({ type: 'Runtime.CallbackHandlerDeprecated' })
  expect(invocation.error).toEqual(invocation.initError)
  expect(invocation.timedOut).toBe(false)
  expect(environment.log.filter(({ kind }) => kind === 'init-error')).toHaveLength(2)
})

it.each([{}, { concurrency: 2 }])(
  'a process that dies in its init leaves its last words in the error: %o',
  async (options) => {
    await using environment = await startFunction(
      `console.error('no such table'); process.reallyExit(3)`,
      options,
    )

    const { error } = await environment.invoke(null, { timeoutMs: 10_000 })

    expect(error?.body).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: expect.stringMatching(/exit status \d\n.*no such table/),
    })
  },
)

it.each<[name: keyof EnvironmentOptions, options: Partial<EnvironmentOptions>]>([
  ['taskRoot', untyped({ taskRoot: undefined })],
  ['taskRoot', { taskRoot: 'no-such-folder' }],
  ['taskRoot', { taskRoot: import.meta.filename }],
  ['handler', { handler: 'no-such-file.handler' }],
  ['handler', { handler: 'harness-lifecycle' }],
  ['client', { client: '/no/such/client.mjs' }],
  ['node', { node: '/no/such/node' }],
  ['timeoutMs', { timeoutMs: 0 }],
  ['initTimeoutMs', { initTimeoutMs: Number.NaN }],
  ['concurrency', { concurrency: 0 }],
  ['concurrency', { concurrency: 1.5 }],
])('a bad `%s` is refused at once: %o', async (name, options) => {
  const start = startLambdaEnvironment({ taskRoot: tmpdir(), ...options })

  await expect(start).rejects.toThrow(`Expected \`${name}\` to be `)
})

it('an invocation’s bad `timeoutMs` is refused', async () => {
  await using environment = await startFunction(`export const handler = async () => {}`)

  await expect(environment.invoke(null, { timeoutMs: 0 })).rejects.toThrow('Expected `timeoutMs` to be ')
})

it('a process that exits within an invocation is reported, and replaced', async () => {
  const source = `export const handler = async (code) => { if (code) process.reallyExit(code); return 'fine' }`
  await using environment = await startFunction(source)

  const gone = await environment.invoke(7)
  const fine = await environment.invoke(0, { timeoutMs: 10_000 })

  expect(gone).toMatchObject({ error: { type: 'Runtime.ExitError' }, exited: { code: 7, signal: null } })
  expect(fine.response?.json).toBe('fine')
})

it('what onFreeze throws, the invocation rejects with', async () => {
  const onFreeze = (): void => {
    throw new Error('nothing arrived')
  }
  await using environment = await startFunction(`export const handler = async () => {}`, { onFreeze })

  await expect(environment.invoke()).rejects.toThrow('nothing arrived')
})

it('without an extension the shutdown is a SIGKILL', async () => {
  const source = `process.on('SIGTERM', () => console.log('told')); export const handler = async () => {}`
  await using environment = await startFunction(source)
  await environment.invoke()

  const { signal, sigtermAt } = await environment.shutdown()

  expect([signal, sigtermAt]).toEqual(['SIGKILL', undefined])
  expect(environment.output).not.toContain('told')
})

it.each([
  ['exits by itself in the window', `process.kill(process.pid, 'SIGTERM')`, 'SIGTERM'],
  ['is killed after the window', '', 'SIGKILL'],
])('with an extension a process gets a SIGTERM and %s', async (_title, leave, expected) => {
  const source = `import { next, register } from './extension.mjs' 
    const poll = async (id) => { for (;;) await next(id) }
    const { id } = await register()
    void poll(id)
    process.once('SIGTERM', async () => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      console.log('flushed')
      ${leave}
      setInterval(() => {}, 1000)
    })
    export const handler = async () => {}`
  await using environment = await startFunction(source)
  await environment.invoke()

  const { signal, sigtermAt, killedAt, exitedAt } = await environment.shutdown()

  expect(signal).toBe(expected)
  expect(environment.output).toContain('flushed')
  expect(killedAt !== undefined).toBe(expected === 'SIGKILL')
  expect(sigtermAt).toBeLessThan(exitedAt)
})

it('with a concurrency, invocations run side by side and nothing is frozen', async () => {
  const source = `import { isMainThread } from 'node:worker_threads'
    export const handler = async (event, context) => {
      await new Promise((resolve) => setTimeout(resolve, 150))
      return { event, id: context.awsRequestId, isMainThread }
    }`
  await using environment = await startFunction(source, { concurrency: 2 })

  const invocations = await environment.invokeMany([1, 2, 3])

  for (const [index, { response, requestId }] of invocations.entries())
    expect(response?.json).toEqual({ event: index + 1, id: requestId, isMainThread: false })
  const kinds = environment.log.map(({ kind }) => kind)
  const order = kinds.filter((kind) => kind === 'invoke' || kind === 'response-end')
  expect(order.slice(0, 3)).toEqual(['invoke', 'invoke', 'response-end'])
  expect(order).toHaveLength(6)
  expect(kinds).not.toContain('freeze')
})
