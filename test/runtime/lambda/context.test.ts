import { describe, expect, it } from 'vitest'
import { startGFluxFunction, TESTED_RUNTIMES } from './gflux-function.ts'

const FUNCTION = {
  function_name: 'function',
  function_version: '$LATEST',
  region: 'eu-central-1',
  service: 'shop',
}

describe.each(TESTED_RUNTIMES)('lambdaContext on %s', (runtime) => {
  const options = { runtime, latencyMs: 0, env: { POWERTOOLS_SERVICE_NAME: 'shop' } }

  it('as defaultContext tells of the invocation that an event was tracked in, and of the function outside', async () => {
    const source = `
      gflux.track('outside', { userId: 'user_1' })
      export const handler = withGFlux(gflux, async (event) => {
        await sleep(1)
        gflux.with({ context: { path: '/' } }).track(event, { userId: 'user_1', context: { own: true } })
      })`
    const config = 'defaultContext: lambda.lambdaContext'
    await using started = await startGFluxFunction(source, { ...options, config })
    const { environment, ingest } = started
    const traceId = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1'

    await environment.invoke('first', { requestId: 'id-1', traceId })
    await environment.invoke('retry', { requestId: 'id-1', tenantId: 'tenant-1' })

    const [outside, first, retry] = ingest.events.map(({ context }) => context)
    const audit = { library: expect.any(String), runtime: 'node' }
    expect(outside).toEqual({ ...FUNCTION, ...audit })
    expect(first).toEqual({
      ...FUNCTION,
      ...audit,
      function_request_id: 'id-1',
      cold_start: true,
      xray_trace_id: '1-5759e988-bd862e3fe1be46a994272793',
      path: '/',
      own: true,
    })
    expect(retry).toMatchObject({ function_request_id: 'id-1', cold_start: false, tenant_id: 'tenant-1' })
  })

  it('by hand knows the cold start too, also where the first invocation did not ask for it', async () => {
    const source = `
      export const handler = withGFlux(gflux, async (isAsked, context) => isAsked && lambdaContext(context).cold_start)`
    await using started = await startGFluxFunction(source, options)

    const invocations = await started.environment.invokeMany([false, true])

    expect(invocations.map(({ response }) => response?.json)).toEqual([false, false])
  })

  it('has no service where its name is blank', async () => {
    const source = `export const handler = withGFlux(gflux, async () => lambdaContext())`
    await using started = await startGFluxFunction(source, { runtime, env: { POWERTOOLS_SERVICE_NAME: ' ' } })

    const { response } = await started.environment.invoke()

    expect(response?.json).not.toHaveProperty('service')
  })

  it('keeps to an invocation’s own what it left running', async () => {
    const source = `
      export const handler = withGFlux(gflux, async (event) => {
        setTimeout(() => gflux.track(event, { userId: 'user_1' }), 50)
        if (event === 'second') await sleep(100)
      })`
    const config = 'defaultContext: lambda.lambdaContext'
    await using started = await startGFluxFunction(source, { ...options, config })
    const { environment, ingest } = started

    await environment.invoke('first', { requestId: 'id-1' })
    await environment.invoke('second', { requestId: 'id-2' })

    const tracked = ingest.events.map(({ event, context }) => [event, context?.['function_request_id']])
    expect(tracked).toEqual([
      ['first', 'id-1'],
      ['second', 'id-2'],
    ])
  })

  it('can be bound by hand, and never tells of a cold start where one was prepared', async () => {
    const source = `
      export const handler = withGFlux(gflux, async (event, context) => {
        gflux.with({ context: lambdaContext(context) }).track('bound', { userId: 'user_1' })
      })`
    const env = { AWS_LAMBDA_INITIALIZATION_TYPE: 'provisioned-concurrency' }
    await using started = await startGFluxFunction(source, { ...options, env })
    const { environment, ingest } = started

    await environment.invoke(null, { requestId: 'id-1' })

    const { service: _none, ...expected } = FUNCTION
    expect(ingest.events[0]?.context).toMatchObject({
      ...expected,
      function_request_id: 'id-1',
      cold_start: false,
    })
    expect(ingest.events[0]?.context).not.toHaveProperty('service')
  })
})
