import { describe, expect, it } from 'vitest'
import { startGFluxFunction, TESTED_RUNTIMES, TWO_BATCHES, withoutStack } from './gflux-function.ts'

const STREAM = `async (event, stream, context) => {
  trackMany()
  if (event.metadata) stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { 'x-a': 'b' } })
  stream.write('one')
  await sleep(60)
  stream.write('two')
  if (event.fails) throw new TypeError('midway')
  stream.end()
  if (event.tracksLate) { await sleep(1); trackMany() }
}`

describe.each(TESTED_RUNTIMES)('a streaming handler on %s', (runtime) => {
  const source = `
    const bare = awslambda.streamifyResponse(${STREAM}, { highWaterMark: 1024 })
    const inner = withGFlux(gflux, bare)
    const outer = awslambda.streamifyResponse(withGFlux(gflux, ${STREAM}))
    const handlers = { bare, inner, outer }
    export const handler = awslambda.streamifyResponse((event, stream, context) => handlers[event.name](event, stream, context))`

  it.each(['inner', 'outer'])(
    'streams as without the %s wrapper, and freezes when every event is stored',
    async (name) => {
      await using started = await startGFluxFunction(source, { runtime })
      const { environment, storedAtFreeze } = started

      const wrapped = await environment.invoke({ name, metadata: true, tracksLate: true })
      const bare = await environment.invoke({ name: 'bare', metadata: true })

      expect(storedAtFreeze[0]).toBe(2 * TWO_BATCHES)
      expect(wrapped.response?.body).toBe(bare.response?.body)
      expect(wrapped.response?.body).toBe(`{"statusCode":201,"headers":{"x-a":"b"}}${'\0'.repeat(8)}onetwo`)
      expect(wrapped.response?.headers['content-type']).toBe(bare.response?.headers['content-type'])
      const { completedAt = 0, frozenAt = 0, startedAt } = wrapped
      expect(frozenAt - completedAt).toBeGreaterThan(completedAt - startedAt) // four requests against a pause of 60 ms
    },
  )

  it.each(['inner', 'outer'])(
    'that breaks off behind the %s wrapper tells its error all the same',
    async (name) => {
      await using started = await startGFluxFunction(source, { runtime })
      const { environment, storedAtFreeze } = started

      const wrapped = await environment.invoke({ name, fails: true })
      const bare = await environment.invoke({ name: 'bare', fails: true })

      expect(storedAtFreeze[0]).toBe(TWO_BATCHES)
      const [error, expected] = [wrapped, bare].map(({ error: each, response }) => {
        return { ...withoutStack(each), body: response?.body }
      })
      expect(error).toEqual(expected)
      expect(error).toEqual({
        type: 'TypeError',
        errorType: 'TypeError',
        errorMessage: 'midway',
        body: 'onetwo',
      })
    },
  )

  it('that returns no promise gets the runtime’s own refusal', async () => {
    const sync = `export const handler = awslambda.streamifyResponse(withGFlux(gflux, (event, stream) => { trackMany(1) }))`
    const bare = `export const handler = awslambda.streamifyResponse((event, stream) => { trackMany(1) })`

    const errors = await Promise.all(
      [sync, bare].map(async (text) => {
        await using started = await startGFluxFunction(text, { runtime })
        const { error } = await started.environment.invoke()
        return error?.type
      }),
    )

    expect(errors[0]).toBeDefined()
    expect(errors[0]).toBe(errors[1])
  })
})
