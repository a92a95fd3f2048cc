import { setTimeout as sleep } from 'node:timers/promises'
import { type Invocation, type InvokeOptions, RunningInvocation } from './invocation.ts'
import type { LambdaEnvironment } from './lambda-environment.ts'
import { Log, type LogRecord, now } from './log.ts'
import { assertDuration, type ResolvedOptions } from './options.ts'
import { Sandbox } from './sandbox.ts'
import { type Shutdown, shutDown } from './shutdown.ts'

const MAX_SLEEP_MS = 60_000

/** One environment: sandboxes one after the other, as processes come and go. */
export class Environment implements LambdaEnvironment {
  readonly #options: ResolvedOptions
  readonly #log = new Log()
  #sandbox: Promise<Sandbox> | undefined
  /** Settles when the last invocation asked for is over: one at a time. */
  #turn: Promise<unknown> = Promise.resolve()
  #isShutDown = false

  constructor(options: ResolvedOptions) {
    this.#options = options
  }

  get log(): readonly LogRecord[] {
    return this.#log.records
  }

  /** What the runtime wrote to stdout and stderr. */
  get output(): string {
    return this.#log.output()
  }

  /** The first init. Where it fails, the first invocation repeats it, and says why it failed. */
  async initialize(): Promise<void> {
    const { initTimeoutMs, concurrency } = this.#options
    try {
      const sandbox = await this.#start()
      await sandbox.initialize(now() + initTimeoutMs, concurrency === undefined)
    } catch (error) {
      await this.close()
      throw error
    }
    await settle()
  }

  /** Runs an invocation, after those before it, until the environment is frozen again or its process is gone. */
  async invoke(event?: unknown, options: InvokeOptions = {}): Promise<Invocation> {
    assertDuration('timeoutMs', options.timeoutMs ?? this.#options.timeoutMs)
    const invocation = new RunningInvocation(event, options)
    if (this.#options.concurrency !== undefined) await this.#invokeConcurrently(invocation, options)
    else {
      const turn = this.#turn.then(() => this.#invokeAlone(invocation, options))
      this.#turn = turn.catch(() => undefined) // the caller has it
      await turn
    }
    await settle()
    return invocation.toResult()
  }

  invokeMany(events: readonly unknown[], options?: InvokeOptions): Promise<Invocation[]> {
    return Promise.all(events.map((event) => this.invoke(event, options)))
  }

  /** Leaves the environment frozen for a while. */
  async sleepFrozen(ms: number): Promise<void> {
    const { process: child } = (await this.#sandbox) ?? {}
    if (!child?.isFrozen) throw new Error('The environment is not frozen.')
    if (ms > MAX_SLEEP_MS) throw new RangeError(`Expected at most ${MAX_SLEEP_MS} ms, got ${ms}`)
    await sleep(ms)
  }

  /** Ends the environment as Lambda does. Nothing can be invoked after that. */
  async shutdown(): Promise<Shutdown> {
    this.#isShutDown = true
    await this.#turn
    const sandbox = await this.#sandbox
    if (!sandbox) throw new Error('The environment was never started.')
    const { concurrency, faults, shutdownWindowMs } = this.#options
    const extensions = sandbox.extensions.extensions.length + (faults.others ?? 0)
    const result = await shutDown(sandbox, extensions > 0 || concurrency !== undefined, shutdownWindowMs)
    await settle()
    return result
  }

  /** Ends what is left of it at once. */
  async close(): Promise<void> {
    this.#isShutDown = true
    const sandbox = await this.#sandbox?.catch(() => undefined)
    await sandbox?.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #invokeAlone(invocation: RunningInvocation, options: InvokeOptions): Promise<void> {
    const { timeoutMs = this.#options.timeoutMs, thawDelayMs = 0 } = options
    if (this.#isShutDown) throw new Error('The environment is shut down.')
    let sandbox = await this.#sandbox
    if (sandbox?.process.isAlive) {
      sandbox.process.thaw()
      if (thawDelayMs > 0) await sleep(thawDelayMs)
      invocation.begin(timeoutMs)
    } else {
      invocation.begin(timeoutMs)
      sandbox = await this.#start()
      if (!(await sandbox.initialize(invocation.deadlineAt, false))) {
        invocation.initError = sandbox.runtime.initError
        invocation.timedOut = !sandbox.runtime.initError && Date.now() >= invocation.deadlineAt
        invocation.exit = sandbox.process.exit
        invocation.lastWords = sandbox.lastWords
        return
      }
    }
    await sandbox.invoke(invocation)
  }

  async #invokeConcurrently(invocation: RunningInvocation, options: InvokeOptions): Promise<void> {
    const { timeoutMs = this.#options.timeoutMs } = options
    if (this.#isShutDown) throw new Error('The environment is shut down.')
    const before = await this.#sandbox
    if (!before?.process.isAlive && (await this.#sandbox) === before) {
      const sandbox = await this.#start()
      await sandbox.initialize(now() + this.#options.initTimeoutMs, false)
    }
    const sandbox = (await this.#sandbox) as Sandbox
    invocation.initError = sandbox.runtime.initError
    if (!sandbox.isInitialized) invocation.lastWords = sandbox.lastWords
    await sandbox.invokeConcurrently(invocation, timeoutMs)
  }

  #start(): Promise<Sandbox> {
    this.#sandbox = Sandbox.start(this.#options, this.#log)
    return this.#sandbox
  }
}

/** Lets what the process wrote before it stood still arrive. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
