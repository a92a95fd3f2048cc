import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Miniflare } from 'miniflare'
import { createTestIngest, type TestIngest } from '../../ingest/index.ts'

/** More of miniflare's options for a worker, such as `durableObjects`. */
interface MoreOptions {
  readonly serviceBindings?: object
  readonly [option: string]: unknown
}

export interface WorkerOptions {
  /** `packageRoot` as the build gives it. */
  readonly packageRoot: string
  /** The worker's module; `./dist/index.js` is the built core, `./dist/cloudflare.js` the adapter. */
  readonly script: string
  readonly compatibilityDate?: string
  readonly compatibilityFlags?: string[]
  readonly options?: MoreOptions
  /** More workers of the built package: their modules by name. */
  readonly more?: Readonly<Record<string, string>>
  /** Other workers beside it. */
  readonly others?: readonly object[]
  /** Whether the isolates can be looked into. */
  readonly inspected?: boolean
}

/** What a queue batch or a cron came to. */
interface Outcome {
  readonly outcome: string
  readonly [field: string]: unknown
}

export interface Workerd extends AsyncDisposable {
  readonly ingest: TestIngest
  readonly miniflare: Miniflare
  /** A request to the worker, answered when the worker does; what it leaves to `waitUntil` goes on. */
  readonly get: (path?: string) => Promise<string>
  /** Posts JSON to the worker, which answers with JSON. */
  readonly post: (body: object) => Promise<unknown>
  readonly scheduled: () => Promise<Outcome>
  readonly queue: (name: string, bodies: readonly unknown[]) => Promise<Outcome>
  /** What the runtime itself and the worker's console wrote. */
  readonly output: string[]
}

/** Release dates of the runtime's behaviour that are tested: an old one and the newest. */
export const compatibilityDates = ['2024-09-01', '2026-07-01'] as const

/** What the runtime says of I/O that crossed from one request to another, and of errors that nobody caught. */
export const crossTalk: RegExp =
  /different request|Illegal invocation|Disallowed operation|Uncaught|unhandled|had hung/i

/** Waits for what goes on after an answer, with a bound. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error('the condition never came true')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/**
 * A worker in bare workerd, without Node's modules, of the built package. The outside world, and the service binding
 * `INGEST`, is the ingest in this process.
 */
export async function openWorkerd({
  packageRoot,
  script,
  compatibilityDate = compatibilityDates[1],
  compatibilityFlags = [],
  options = {},
  more = {},
  others = [],
  inspected = false,
}: WorkerOptions): Promise<Workerd> {
  const ingest = createTestIngest()
  const output: string[] = []
  const shared = await packageModules(packageRoot)
  const basics = (
    name: string,
    contents: string,
    { serviceBindings, ...rest }: MoreOptions = {},
  ): object => ({
    name,
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents }, ...shared],
    modulesRoot: '/',
    compatibilityDate,
    compatibilityFlags,
    serviceBindings: { INGEST: answerFrom(ingest), ...serviceBindings },
    outboundService: answerFrom(ingest),
    ...rest,
  })
  const miniflare = new Miniflare({
    unsafeTriggerHandlers: true,
    ...(inspected && { inspectorPort: 0 }),
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
      for (const stream of [stdout, stderr]) stream.on('data', (data: unknown) => output.push(String(data)))
    },
    workers: [
      basics('worker', script, options),
      ...Object.entries(more).map(([name, contents]) => basics(name, contents)),
      ...others,
    ] as never,
  })
  await miniflare.ready
  const worker = await miniflare.getWorker('worker')
  const address = 'http://worker'
  return {
    ingest,
    miniflare,
    output,
    get: async (path = '/') => (await miniflare.dispatchFetch(`${address}${path}`)).text(),
    post: async (body) => {
      const request = { method: 'POST', body: JSON.stringify(body) }
      return (await miniflare.dispatchFetch(address, request)).json()
    },
    scheduled: async () => (await worker.scheduled({ cron: '* * * * *' })) as unknown as Outcome,
    queue: async (name, bodies) => {
      const messages = bodies.map((body, index) => ({
        id: `${index}`,
        timestamp: new Date(),
        attempts: 1,
        body,
      }))
      return (await worker.queue(name, messages)) as unknown as Outcome
    },
    [Symbol.asyncDispose]: () => miniflare.dispose(),
  }
}

async function packageModules(packageRoot: string): Promise<object[]> {
  const dist = join(packageRoot, 'dist')
  const files = (await readdir(dist)).filter((file) => /^(index|cloudflare|chunk-.*)\.js$/.test(file))
  return await Promise.all(
    files.map(async (file) => ({
      type: 'ESModule',
      path: `dist/${file}`,
      contents: await readFile(join(dist, file), 'utf8'),
    })),
  )
}

/** The ingest as what miniflare calls in this process. */
function answerFrom(ingest: TestIngest): (request: Request) => Promise<Response> {
  return async (request) => {
    const { method, url, headers } = request
    const body = await request.text()
    return await ingest.handle(new Request(url, { method, headers: [...headers], body })).catch(() => {
      return new Response('the connection died', { status: 520 })
    })
  }
}
