import { createTestIngest, type TestIngest, type TestIngestOptions } from '../../ingest/index.ts'
import { type GFluxNode, type GFluxNodeConfig, GFluxNodeError, initGFluxNode } from '../../src/index.ts'

export const TOKEN = 'gflux_secret_test_0123456789'
/** A value that must show up in no message and in no log. */
export const PERSONAL = 'jane.roe@personal.example'
/** Another, such as a phone number. */
export const PERSONAL_NUMBER = 4_915_112_345_678

export interface OpenClient {
  readonly gflux: GFluxNode
  readonly ingest: TestIngest
  /** Everything the logger was given, as text. */
  readonly logged: string[]
}

/** A client of an ingest in the same process. */
export function openClient(config: Partial<GFluxNodeConfig> = {}, options?: TestIngestOptions): OpenClient {
  const ingest = createTestIngest(options)
  const logged: string[] = []
  const log = (message: string, context?: object): void => {
    logged.push(`${message} ${JSON.stringify(context)}`)
  }
  const gflux = initGFluxNode({
    token: TOKEN,
    fetch: ingest.fetch,
    logger: { debug: log, warn: log },
    ...config,
  })
  return { gflux, ingest, logged }
}

/** The SDK's error that a call throws or rejects with. */
export async function errorOf(call: () => unknown): Promise<GFluxNodeError> {
  try {
    await call()
  } catch (error) {
    if (error instanceof GFluxNodeError) return error
    throw new Error('Expected a GFluxNodeError', { cause: error })
  }
  throw new Error('Expected the call to fail')
}

/** For what TypeScript refuses and JavaScript lets through. */
export function untyped(value: unknown): never {
  return value as never
}
