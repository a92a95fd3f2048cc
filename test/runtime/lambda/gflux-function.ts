import { inject } from 'vitest'
import { createTestIngest, type TestIngest } from '../../../ingest/index.ts'
import {
  type Environment,
  type EnvironmentOptions,
  type InvocationError,
  RUNTIMES,
  startEnvironment,
} from './harness/index.ts'

/** Node 24 in `npm test`, the older ones in `npm run test:runtimes`. */
export const TESTED_RUNTIMES = RUNTIMES.filter(
  (runtime) => (runtime === 'node24') === (process.env['LAMBDA_RUNTIMES'] !== 'older'),
)

/** So many events take two requests, one after the other: none can pass because it was quick. */
export const TWO_BATCHES = 60
/** How long each request takes, unless a test wants it otherwise. */
const LATENCY_MS = 100

export interface FunctionOptions extends Partial<EnvironmentOptions> {
  /** JavaScript: more options of the client. */
  readonly config?: string
  readonly latencyMs?: number
  /** @default one of its own */
  readonly ingest?: TestIngest
}

export interface GFluxFunction extends AsyncDisposable {
  readonly environment: Environment
  readonly ingest: TestIngest
  /** How many events the ingest held at the instant of each freeze. */
  readonly storedAtFreeze: number[]
  /** What the client's logger was told, in order. */
  readonly warnings: () => string[]
}

/** What every function's module begins with. `trackMany` tracks, and awaits nothing. */
function prelude(config = ''): string {
  return `
import { initGFluxNode } from '@getfluxly/node'
import * as lambda from '@getfluxly/node/lambda'
const { enableAfterResponse, enableAfterResponseSync, gfluxHandler, gfluxMiddleware, lambdaContext, withGFlux } = lambda
const say = (message, details) => console.log('warning: ' + message + ' ' + JSON.stringify(details))
const gflux = initGFluxNode({
  token: 'gflux_secret_test', apiHost: process.env.INGEST_URL, flushAt: 1000, concurrency: 1, logger: { warn: say }, ${config}
})
let tracked = 0
const trackMany = (count = ${TWO_BATCHES}) => {
  for (let index = 0; index < count; index++) gflux.track('opened', { userId: 'user_1', properties: { index: tracked++ } })
}
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
`
}

/** A function on AWS's runtime client whose module is the prelude and this, with an ingest. */
export async function startGFluxFunction(
  source: string,
  options: FunctionOptions = {},
): Promise<GFluxFunction> {
  const { config, files, latencyMs = LATENCY_MS, ingest = createTestIngest(), ...rest } = options
  const server = await ingest.listen()
  if (latencyMs) ingest.fail({ delayMs: latencyMs, times: Number.POSITIVE_INFINITY })
  const storedAtFreeze: number[] = []
  const environment = await startEnvironment({
    packageRoot: inject('packageRoot'),
    timeoutMs: 10_000,
    onFreeze: () => storedAtFreeze.push(ingest.events.length),
    ...rest,
    files: { 'index.mjs': prelude(config) + source, ...files },
    env: { INGEST_URL: server.url, ...rest.env },
  })
  return {
    environment,
    ingest,
    storedAtFreeze,
    warnings: () => environment.output.match(/(?<=warning: ).*/g) ?? [],
    [Symbol.asyncDispose]: async () => {
      await environment.close()
      await server.close()
    },
  }
}

/** What two functions may have in common of an error. */
export function withoutStack(error: InvocationError | undefined): Record<string, unknown> {
  const { errorType, errorMessage } = Object(error?.body)
  return { type: error?.type, errorType, errorMessage }
}
