import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type LogKind, RUNTIMES } from './harness/index.ts'
import { startFunction } from './sample-function.ts'

function positions(environment: { log: readonly { kind: LogKind }[] }, ...kinds: LogKind[]): number[] {
  return kinds.map((kind) => environment.log.map((record) => record.kind).lastIndexOf(kind))
}

function isAscending(values: readonly (number | undefined)[]): boolean {
  return values.every(
    (value, index) => value !== undefined && (index === 0 || value >= (values[index - 1] ?? 0)),
  )
}

it('all four runtimes are installed', () => {
  expect(RUNTIMES).toEqual(['node24', 'node22', 'node20', 'node18'])
})

describe.each(RUNTIMES)('the runtime of %s', (runtime) => {
  const major = runtime.slice('node'.length)

  it('answers and stands still', async () => {
    const source = `export const handler = async (event, context) => ({
      event, version: process.versions.node, id: context.awsRequestId, tenant: context.tenantId,
      remaining: context.getRemainingTimeInMillis() > 0, name: process.env.AWS_EXECUTION_ENV })`
    await using environment = await startFunction(source, { runtime })

    const invocation = await environment.invoke({ a: 'ä' }, { requestId: 'id-1', tenantId: 'tenant-1' })

    const pid = environment.log.find(({ kind }) => kind === 'start')?.pid
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) T /)
    expect(invocation.response?.json).toEqual({
      event: { a: 'ä' },
      version: expect.stringMatching(`^${major}\\.`),
      id: 'id-1',
      tenant: 'tenant-1',
      remaining: true,
      name: `AWS_Lambda_nodejs${major}.x`,
    })
    const { startedAt, respondedAt, completedAt, frozenAt, deadlineAt } = invocation
    expect(isAscending([startedAt, respondedAt, completedAt, frozenAt, deadlineAt])).toBe(true)
  })

  it('a timer that nobody awaits fires only after the thaw', async () => {
    const source = `export const handler = async () => { setTimeout(() => console.log('fired'), 30) }`
    await using environment = await startFunction(source, { runtime })

    await environment.invoke()
    await environment.sleepFrozen(100)
    expect(environment.output).not.toContain('fired')
    await environment.invoke(null, { thawDelayMs: 1000 })

    expect(environment.output).toContain('fired')
    const [freeze = 0, invoke = 0] = positions(environment, 'freeze', 'invoke')
    const fired = environment.log.findIndex(({ text }) => text?.includes('fired'))
    expect(isAscending([fired, invoke, freeze])).toBe(true)
  })

  it('a handler that throws leaves its error, and the process lives on', async () => {
    const source = `export const handler = async () => { throw new RangeError('out of it') }`
    await using environment = await startFunction(source, { runtime })

    const { error, response, exited } = await environment.invoke()
    const again = await environment.invoke()

    expect(error).toMatchObject({
      type: 'RangeError',
      body: { errorType: 'RangeError', errorMessage: 'out of it' },
    })
    expect(again.error?.type).toBe('RangeError')
    expect([response, exited]).toEqual([undefined, undefined])
  })

  it('a handler that never settles is killed at the deadline, and a new process follows', async () => {
    const source = `let count = 0
      export const handler = async (never) => {
        count += 1
        if (never) await new Promise(() => setInterval(() => {}, 1000))
        return { count, pid: process.pid }
      }`
    await using environment = await startFunction(source, { runtime })

    const before = await environment.invoke(false)
    const late = await environment.invoke(true, { timeoutMs: 300 })
    const after = await environment.invoke(false, { timeoutMs: 10_000 })

    expect(late).toMatchObject({
      timedOut: true,
      exited: { signal: 'SIGKILL' },
      error: { type: 'Sandbox.Timedout' },
    })
    expect(late.response).toBeUndefined()
    expect(before.response?.json).toMatchObject({ count: 1 })
    expect(after.response?.json).toMatchObject({ count: 1 })
    expect(after.response?.json).not.toEqual(before.response?.json)
  })

  it('chunks of a streamed response arrive as they are written, with trailers where it fails', async () => {
    const source = `export const handler = awslambda.streamifyResponse(async (fails, stream) => {
        stream.write('one')
        await new Promise((resolve) => setTimeout(resolve, 60))
        stream.write('two')
        if (fails) throw new TypeError('midway')
        stream.end()
        await new Promise((resolve) => setTimeout(resolve, 60))
      })`
    await using environment = await startFunction(source, { runtime })

    const whole = await environment.invoke(false)
    const broken = await environment.invoke(true)

    expect(whole.response?.chunks.map(({ data }) => data)).toEqual(['one', 'two'])
    expect(whole.response?.headers['lambda-runtime-function-response-mode']).toBe('streaming')
    const [one, two] = whole.response?.chunks.map(({ at }) => at) ?? []
    expect(isAscending([whole.respondedAt, one, two, whole.completedAt, whole.frozenAt])).toBe(true)
    expect(broken.response?.trailers['lambda-runtime-function-error-type']).toBe('TypeError')
    expect(broken.error).toMatchObject({ type: 'TypeError', body: { errorMessage: 'midway' } })
  })

  it('an extension in the process keeps it thawed until it asks for the next event', async () => {
    const source = `import { next, register } from './extension.mjs'
      const { id } = await register()
      void (async () => {
        for (;;) {
          const { requestId, eventType } = await next(id)
          await new Promise((resolve) => setTimeout(resolve, 80))
          console.log('flushed', eventType, requestId)
        }
      })()
      export const handler = async () => 'done'`
    await using environment = await startFunction(source, { runtime })

    const first = await environment.invoke()
    const second = await environment.invoke()

    for (const { requestId } of [first, second])
      expect(environment.output).toContain(`flushed INVOKE ${requestId}`)
    expect(second.response?.json).toBe('done')
    const order = positions(environment, 'invoke', 'response-end', 'runtime-next', 'extension-next', 'freeze')
    expect(isAscending(order)).toBe(true)
  })
})
