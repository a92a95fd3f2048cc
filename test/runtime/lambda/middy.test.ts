import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { startGFluxFunction, TWO_BATCHES } from './gflux-function.ts'

const CORE = '@middy/core'
const packages = { [CORE]: fileURLToPath(new URL('.', import.meta.resolve(CORE))) }

/** Functions by what happens in each: all track first. */
const FUNCTIONS = `
  import { middy } from '${CORE}'
  const handle = async () => { trackMany(); return 'handled' }
  const fail = async () => { trackMany(); throw new RangeError('out of it') }
  const answersEarly = { before: () => { trackMany(); return 'early' } }
  const answersErrors = { onError: () => 'rescued' }
  const compose = (wrap, use) => ({
    handled: wrap(use(middy(handle))),
    failed: wrap(use(middy(fail))),
    early: wrap(use(middy(handle)).use(answersEarly)),
    rescued: wrap(use(middy(fail)).use(answersErrors)),
  })
`
const OUTCOMES = ['handled', 'failed', 'early', 'rescued']

describe('middy', () => {
  it.each(['', 'await enableAfterResponse(gflux)'])(
    'inside withGFlux is flushed however it ends %s',
    async (enable) => {
      const source = `${FUNCTIONS} ${enable}
      const functions = compose((handler) => withGFlux(gflux, handler), (handler) => handler)
      export const handler = (event, context) => functions[event](event, context)`
      await using started = await startGFluxFunction(source, { packages })
      const { environment, storedAtFreeze, warnings } = started

      const [handled, failed, early, rescued] = await environment.invokeMany(OUTCOMES)

      expect(storedAtFreeze).toEqual([1, 2, 3, 4].map((times) => times * TWO_BATCHES))
      const answers = [handled, early, rescued].map((invocation) => invocation?.response?.json)
      expect(answers).toEqual(['handled', 'early', 'rescued'])
      expect(failed?.error).toMatchObject({ type: 'RangeError', body: { errorMessage: 'out of it' } })
      expect(warnings()).toEqual([])
    },
  )

  it('with the middleware is flushed at the end of its chain, and changes no outcome', async () => {
    const source = `${FUNCTIONS}
      const functions = compose((handler) => handler, (handler) => handler.use(gfluxMiddleware(gflux)))
      export const handler = (event, context) => functions[event](event, context)`
    await using started = await startGFluxFunction(source, { packages })
    const { environment, storedAtFreeze } = started

    const [handled, failed, rescued] = await environment.invokeMany(['handled', 'failed', 'rescued'])

    // The last one's answer ends the chain before the middleware, which was used first, has its turn.
    expect(storedAtFreeze).toEqual([TWO_BATCHES, 2 * TWO_BATCHES, 2 * TWO_BATCHES])
    expect([handled?.response?.json, rescued?.response?.json]).toEqual(['handled', 'rescued'])
    expect(failed?.error?.type).toBe('RangeError')
  })

  it.each([
    [
      'middy’s requestEnd',
      `middy(handle, { requestEnd: flushing.requestEnd }).use(flushing).use(answersEarly)`,
    ],
    [
      'whoever answers early and cleans up',
      `middy(handle).use(flushing).use({ before: async ({ internal }) => { trackMany(); await internal['@getfluxly/node'](); return 'early' } })`,
    ],
  ])('with the middleware is flushed on an early answer by %s', async (_title, handler) => {
    const source = `${FUNCTIONS}
      const flushing = gfluxMiddleware(gflux)
      export const handler = ${handler}`
    await using started = await startGFluxFunction(source, { packages })

    const { response } = await started.environment.invoke()

    expect(response?.json).toBe('early')
    expect(started.storedAtFreeze).toEqual([TWO_BATCHES])
  })

  it('with the middleware sends what comes late after an early answer too', async () => {
    const source = `import { middy } from '${CORE}'
      const handle = async (event) => { trackMany(1); setTimeout(() => trackMany(1), 30); return event }
      export const handler = middy(handle).use(gfluxMiddleware(gflux)).use({ before: ({ event }) => event === 'early' ? 'early' : undefined })`
    await using started = await startGFluxFunction(source, { packages })

    await started.environment.invokeMany(['event', 'early', 'event'])

    expect(started.storedAtFreeze).toEqual([2, 2, 4])
  })

  it('with the middleware alone holds no environment in after-response mode, and says why once', async () => {
    const source = `${FUNCTIONS}
      await enableAfterResponse(gflux)
      export const handler = middy(handle).use(gfluxMiddleware(gflux))`
    await using started = await startGFluxFunction(source, { packages })
    const { environment, storedAtFreeze, warnings } = started

    await environment.invokeMany([1, 2])

    const ends = environment.log.filter(({ kind }) => kind === 'extension-next' || kind === 'response-start')
    const [, ...afterInit] = ends.map(({ kind }) => kind)
    expect(afterInit).toEqual(['extension-next', 'response-start', 'extension-next', 'response-start'])
    expect(storedAtFreeze).toEqual([TWO_BATCHES, 2 * TWO_BATCHES])
    expect(warnings()).toEqual([expect.stringContaining('gfluxMiddleware')])
  })

  it('with the middleware tells events of the invocation that they belong to', async () => {
    const source = `${FUNCTIONS}
      export const handler = middy(async () => { await sleep(1); trackMany(1) }).use(gfluxMiddleware(gflux))`
    const config = 'defaultContext: lambda.lambdaContext'
    await using started = await startGFluxFunction(source, { packages, config })
    const { environment, ingest } = started

    await environment.invoke(null, { requestId: 'id-1' })
    await environment.invoke(null, { requestId: 'id-2' })

    expect(ingest.events.map(({ context }) => context)).toMatchObject([
      { function_request_id: 'id-1', cold_start: true },
      { function_request_id: 'id-2', cold_start: false },
    ])
  })

  it('by hand knows the cold start too, also where the first invocation did not ask for it', async () => {
    const source = `${FUNCTIONS}
      const tell = async (isAsked, context) => isAsked && lambda.lambdaContext(context).cold_start
      export const handler = middy(tell).use(gfluxMiddleware(gflux))`
    await using started = await startGFluxFunction(source, { packages })

    const invocations = await started.environment.invokeMany([false, true])

    expect(invocations.map(({ response }) => response?.json)).toEqual([false, false])
  })
})
