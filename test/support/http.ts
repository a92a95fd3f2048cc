import { createTestIngest, type IngestServer, type TestIngest } from '../../ingest/index.ts'
import { type GFluxNode, type GFluxNodeConfig, initGFluxNode } from '../../src/index.ts'
import { TOKEN } from './client.ts'

export interface HttpIngest extends AsyncDisposable {
  readonly ingest: TestIngest
  readonly server: IngestServer
  /** A client of this server, on the platform's own fetch. */
  readonly connect: (config?: Partial<GFluxNodeConfig>) => GFluxNode
}

/** The ingest behind a real server, closed at the end of the block. */
export async function openIngest(): Promise<HttpIngest> {
  const ingest = createTestIngest()
  const server = await ingest.listen()
  return {
    ingest,
    server,
    connect: (config) => initGFluxNode({ token: TOKEN, apiHost: server.url, ...config }),
    [Symbol.asyncDispose]: server.close,
  }
}

/** Tracks events that no two of which are equal. */
export async function trackMany(gflux: GFluxNode, count: number, from = 0): Promise<void> {
  for (let index = from; index < from + count; index += 1) {
    await gflux.track('opened', { userId: 'user_1', properties: { index } })
  }
}
