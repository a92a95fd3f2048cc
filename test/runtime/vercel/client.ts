import { initGFluxVercel } from '../../../adapters/vercel/index.ts'
import { createTestIngest, type Failure, type TestIngest } from '../../../ingest/index.ts'
import { type GFluxNode, initGFluxNode } from '../../../src/index.ts'
import { TOKEN } from '../../support/client.ts'

export interface VercelClients {
  readonly ingest: TestIngest
  /** With nothing of the adapter. */
  readonly plain: GFluxNode
  readonly gflux: GFluxNode
  /** Messages and contexts given to the logger. */
  readonly logged: unknown[][]
}

/** The ingest answers everything late. */
export function late(delayMs: number): Failure {
  return { delayMs, times: Infinity }
}

/** Two clients of one ingest, which fails as it is told to. */
export function openClients(failures: readonly Failure[] = []): VercelClients {
  const ingest = createTestIngest()
  for (const failure of failures) ingest.fail(failure)
  const logged: unknown[][] = []
  const logger = { debug: (...entry: unknown[]) => logged.push(entry) }
  const all = { token: TOKEN, fetch: ingest.fetch, logger }
  return { ingest, logged, plain: initGFluxNode(all), gflux: initGFluxVercel(all) }
}

export async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

/** Sets environment variables until the end of the block. */
export function setEnv(variables: Record<string, string>): Disposable {
  Object.assign(process.env, variables)
  return {
    [Symbol.dispose]: () => {
      for (const name of Object.keys(variables)) delete process.env[name]
    },
  }
}
