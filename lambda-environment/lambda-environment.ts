import type { AsyncDisposeKey } from '../src/async-dispose.ts'
import { Environment } from './environment.ts'
import type { Invocation, InvokeOptions } from './invocation.ts'
import type { LogRecord } from './log.ts'
import { type EnvironmentOptions, resolveOptions } from './options.ts'
import type { Shutdown } from './shutdown.ts'

/** An execution environment: the function's process with Lambda's APIs, frozen whenever Lambda would freeze it. */
export interface LambdaEnvironment extends Readonly<Record<AsyncDisposeKey, () => Promise<void>>> {
  /** Runs an invocation, after those before it, until the environment is frozen again or its process is gone. */
  readonly invoke: (event?: unknown, options?: InvokeOptions) => Promise<Invocation>
  readonly invokeMany: (events: readonly unknown[], options?: InvokeOptions) => Promise<Invocation[]>
  /** Leaves it frozen for so many milliseconds, a minute at most. */
  readonly sleepFrozen: (ms: number) => Promise<void>
  /** Ends it as Lambda does: with a SIGTERM and some time where an extension is registered, else at once. */
  readonly shutdown: () => Promise<Shutdown>
  /** Ends what is left of it at once. */
  readonly close: () => Promise<void>
  /** What the function wrote to stdout and stderr. */
  readonly output: string
  /** What happened, in order. */
  readonly log: readonly LogRecord[]
}

/**
 * Starts a Lambda execution environment: AWS's own runtime client, `aws-lambda-ric`, which has to be installed, in a
 * process that is stopped (SIGSTOP) whenever Lambda would freeze it, continued for the next invocation, and killed at
 * the deadline. After its init it stands still, as one that Lambda prepared in advance. Linux or macOS.
 *
 * @throws {Error} where the runtime client is not installed
 * @throws {TypeError} naming the option
 *
 * @example
 * ```ts
 * const stored: number[] = []
 * const environment = await startLambdaEnvironment({
 *   taskRoot: 'dist',
 *   env: { GFLUX_SERVER_TOKEN: 'gflux_secret_test', GFLUX_API_HOST: server.url },
 *   onFreeze: () => stored.push(ingest.events.length),
 * })
 * const { response, respondedAt, frozenAt } = await environment.invoke({ userId: 'user_123' })
 * await environment.sleepFrozen(5000)
 * await environment.invoke({ userId: 'user_123' })
 * await environment.close()
 * ```
 */
export async function startLambdaEnvironment(options: EnvironmentOptions): Promise<LambdaEnvironment> {
  const environment = new Environment(resolveOptions(options))
  await environment.initialize()
  return environment
}
