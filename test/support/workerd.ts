import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Miniflare } from 'miniflare'
import { createTestIngest, type TestIngest } from '../../ingest/index.ts'

export interface WorkerOptions {
  /** `packageRoot` as the build gives it. */
  readonly packageRoot: string
  /** The worker's module; `./dist/index.js` is the built core. */
  readonly script: string
  readonly compatibilityDate?: string
  readonly compatibilityFlags?: string[]
}

export interface Workerd extends AsyncDisposable {
  readonly ingest: TestIngest
  /** A request to the worker, answered when the worker does; what it leaves to `waitUntil` goes on. */
  readonly get: (path?: string) => Promise<string>
  /** What the runtime itself and the worker's console wrote. */
  readonly output: string[]
}

/** Release dates of the runtime's behaviour that are tested: an old one and the newest. */
export const compatibilityDates = ['2024-09-01', '2026-07-01'] as const

/**
 * A worker in bare workerd, without Node's modules, of the built package. The outside world, and the service binding
 * `INGEST`, is the ingest in this process.
 */
export async function openWorkerd(options: WorkerOptions): Promise<Workerd> {
  const { packageRoot, script, compatibilityDate = compatibilityDates[1], compatibilityFlags = [] } = options
  const ingest = createTestIngest()
  const output: string[] = []
  const dist = join(packageRoot, 'dist')
  const files = (await readdir(dist)).filter((file) => file.endsWith('.js') && !/^(cli|testing)/.test(file))
  const core = await Promise.all(
    files.map(async (file) => ({
      type: 'ESModule' as const,
      path: `dist/${file}`,
      contents: await readFile(join(dist, file), 'utf8'),
    })),
  )
  const answer = async (request: unknown) => {
    const { method, url, headers, text } = request as Request
    const body = await text.call(request)
    return await ingest.handle(new Request(url, { method, headers: [...headers], body })).catch(() => {
      return new Response('the connection died', { status: 520 })
    })
  }
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: script }, ...core],
    modulesRoot: '/',
    compatibilityDate,
    compatibilityFlags,
    serviceBindings: { INGEST: answer as never },
    outboundService: answer as never,
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
      for (const stream of [stdout, stderr]) stream.on('data', (data: unknown) => output.push(String(data)))
    },
  })
  await miniflare.ready
  return {
    ingest,
    output,
    get: async (path = '/') => (await miniflare.dispatchFetch(`http://worker${path}`)).text(),
    [Symbol.asyncDispose]: () => miniflare.dispose(),
  }
}
