import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inject } from 'vitest'
import { createTestIngest, type TestIngest } from '../../../ingest/index.ts'
import { type Program, type Runtime, start } from '../../support/program.ts'

/** An entry point of the built package, such as `server`. */
export function moduleUrl(name: string): string {
  return pathToFileURL(join(inject('packageRoot'), `dist/${name}.js`)).href
}

export interface Setup extends AsyncDisposable {
  readonly ingest: TestIngest
  /** A program with a client called `gflux`. */
  readonly run: (source: string, options?: { config?: string; before?: string }) => Promise<Program>
}

/** With an ingest of its own. */
export async function open(runtime: Runtime): Promise<Setup> {
  const ingest = createTestIngest()
  const { url, close } = await ingest.listen()
  const programs: Program[] = []
  return {
    ingest,
    async run(source, { config = '', before = '' } = {}) {
      const program = await start(
        runtime,
        `
        import { initGFluxServer } from '${moduleUrl('server')}'
        const config = { token: 'gflux_secret_x', apiHost: '${url}', ${config} }
        ${before}
        const gflux = initGFluxServer(config)
        const track = (count) => { for (let n = 0; n < count; n++) gflux.track('opened', { userId: 'user_1', properties: { n } }) }
        ${source}`,
      )
      programs.push(program)
      return program
    },
    async [Symbol.asyncDispose]() {
      for (const program of programs) await program[Symbol.asyncDispose]()
      await close()
    },
  }
}
