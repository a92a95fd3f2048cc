import { type ApiServer, startApiServer } from './api-server.ts'
import { ExtensionsApi } from './extensions-api.ts'
import type { RunningInvocation } from './invocation.ts'
import { type Log, now } from './log.ts'
import type { ResolvedOptions } from './options.ts'
import { type Exit, RuntimeProcess } from './process.ts'
import { Progress } from './progress.ts'
import { RuntimeApi } from './runtime-api.ts'
import { FUNCTION_ARN, runtimeVariables } from './variables.ts'

/** How long a runtime that reported a failed init may take to exit by itself. */
const INIT_ERROR_GRACE_MS = 1000

const LAST_WORDS_LINES = 10

/** One process with the APIs that it talks to, from its init to its end. */
export class Sandbox {
  isInitialized = false
  readonly process: RuntimeProcess
  readonly runtime: RuntimeApi
  readonly extensions: ExtensionsApi
  readonly #options: ResolvedOptions
  readonly #log: Log
  readonly #firstRecord: number
  readonly #progress: Progress
  #inFlight = 0

  static async start(options: ResolvedOptions, log: Log): Promise<Sandbox> {
    const progress = new Progress()
    const shared = { log, functionArn: FUNCTION_ARN, onProgress: progress.notify }
    const { faults, handler, concurrency } = options
    const extensions = new ExtensionsApi({
      ...shared,
      faults,
      handler,
      isConcurrent: concurrency !== undefined,
    })
    const runtime = new RuntimeApi({ ...shared, onFirstNext: () => extensions.close() })
    const server = await startApiServer([runtime, extensions])
    const child = new RuntimeProcess({
      program: options.node,
      args: [options.client, handler], // version 3 takes it from here, version 4 from the environment
      cwd: options.taskRoot,
      env: runtimeVariables(options, server.address),
      log,
    })
    return new Sandbox({ options, log, progress, runtime, extensions, server, child })
  }

  private constructor(parts: {
    readonly options: ResolvedOptions
    readonly log: Log
    readonly progress: Progress
    readonly runtime: RuntimeApi
    readonly extensions: ExtensionsApi
    readonly server: ApiServer
    readonly child: RuntimeProcess
  }) {
    this.process = parts.child
    this.runtime = parts.runtime
    this.extensions = parts.extensions
    this.#options = parts.options
    this.#log = parts.log
    this.#firstRecord = parts.log.records.length
    this.#progress = parts.progress
    this.process.onExit = parts.progress.notify
    void this.process.exited.then(parts.server.close)
  }

  /** The last lines that the process wrote. */
  get lastWords(): string {
    return this.#log.output(this.#firstRecord).trimEnd().split('\n').slice(-LAST_WORDS_LINES).join('\n')
  }

  /** Waits for the runtime and every extension; a process that fails, or needs longer, is ended. */
  async initialize(until: number, thenFreeze: boolean): Promise<boolean> {
    const { process: child, runtime, extensions } = this
    const isReady = await this.#progress.wait(() => {
      if (!child.isAlive || runtime.initError || extensions.failure !== undefined) return false
      if (!runtime.isReady || !extensions.areReady('all')) return undefined
      this.isInitialized = true
      this.#log.add('initialized', { pid: child.pid })
      if (thenFreeze) child.freeze()
      return true
    }, until)
    await child.standsStill()
    if (isReady) return true
    if (isReady === undefined) this.#log.add('deadline')
    else await this.#progress.wait(() => !child.isAlive || undefined, now() + INIT_ERROR_GRACE_MS)
    await this.end()
    return false
  }

  /** Runs an invocation until the process stands still again, or is gone. */
  async invoke(invocation: RunningInvocation): Promise<void> {
    const { process: child, runtime, extensions } = this
    if (child.isAlive) {
      runtime.deliver(invocation)
      extensions.deliver(invocation)
    }
    let complaint: unknown
    const isOver = await this.#progress.wait(() => {
      if (!child.isAlive || extensions.failure !== undefined) return true
      if (!invocation.isAnswered || !runtime.isReady || !extensions.areReady('invoked')) return undefined
      invocation.frozenAt = child.freeze()
      try {
        this.#options.onFreeze()
      } catch (error) {
        complaint = error
      }
      return true
    }, invocation.deadlineAt)
    if (!isOver) {
      invocation.timedOut = true
      this.#log.add('deadline', { requestId: invocation.requestId })
    }
    if (child.isFrozen) await child.standsStill()
    else invocation.exit = await this.end()
    runtime.forget(invocation)
    if (complaint !== undefined) throw complaint
  }

  /** Runs an invocation beside others; it is over when it is answered, and no deadline ends the process. */
  async invokeConcurrently(invocation: RunningInvocation, timeoutMs: number): Promise<void> {
    const { process: child, runtime } = this
    const hasBegun = await this.#progress.wait(() => {
      if (!child.isAlive) return false
      if (!runtime.isReady || this.#inFlight >= (this.#options.concurrency ?? 1)) return undefined
      this.#inFlight += 1
      invocation.begin(timeoutMs)
      runtime.deliver(invocation)
      return true
    }, now() + timeoutMs)
    if (!hasBegun) invocation.begin(0)
    else {
      const isOver = () => invocation.isAnswered || !child.isAlive || undefined
      if (!(await this.#progress.wait(isOver, invocation.deadlineAt))) invocation.timedOut = true
      this.#inFlight -= 1
    }
    runtime.forget(invocation)
    if (!child.isAlive && !invocation.isAnswered) invocation.exit = await child.exited
    if (!hasBegun && child.isAlive) invocation.timedOut = true
    this.#progress.notify()
  }

  async end(): Promise<Exit> {
    if (this.process.isAlive) this.process.kill()
    return await this.process.exited
  }
}
