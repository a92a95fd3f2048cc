import { resolve } from 'node:path'
import type { ExtensionFaults } from './extension-faults.ts'
import { findRuntimeClient } from './runtime-client.ts'

export interface EnvironmentOptions {
  /** The function as it is deployed: a folder with its files, and `node_modules` where it is not bundled. */
  readonly taskRoot: string
  /** File and export. @default 'index.handler' */
  readonly handler?: string
  /** The function's environment variables. Nothing of this process's own but `PATH` is passed on. */
  readonly env?: Readonly<Record<string, string>>
  /** The function's timeout, in milliseconds. @default 3000 */
  readonly timeoutMs?: number
  /** How long the first init may take, in milliseconds. @default 10_000, Lambda's own limit */
  readonly initTimeoutMs?: number
  /** So many invocations at a time, as on Lambda Managed Instances: nothing is frozen. @default one, frozen in between */
  readonly concurrency?: number
  /** Whether the function may register extensions, or how that is to fail. @default 'enabled' */
  readonly extensions?: 'enabled' | 'disabled' | ExtensionFaults
  /** How long a process with an extension may take from SIGTERM on, in milliseconds. @default 500 */
  readonly shutdownWindowMs?: number
  /** Called right after SIGSTOP at the end of an invocation; what it throws, `invoke()` rejects with. */
  readonly onFreeze?: () => void
  /** The Node that runs the function. @default the one of this process */
  readonly node?: string
  /** What it runs: AWS's runtime interface client. @default the `aws-lambda-ric` that is installed */
  readonly client?: string
}

export interface ResolvedOptions extends Required<Omit<EnvironmentOptions, 'concurrency' | 'extensions'>> {
  readonly concurrency: number | undefined
  readonly faults: ExtensionFaults
}

export function resolveOptions(options: EnvironmentOptions): ResolvedOptions {
  const { extensions = 'enabled', client = findRuntimeClient() } = options
  return {
    handler: 'index.handler',
    env: {},
    timeoutMs: 3000,
    initTimeoutMs: 10_000,
    shutdownWindowMs: 500,
    onFreeze: () => undefined,
    node: process.execPath,
    concurrency: undefined,
    ...options,
    taskRoot: resolve(options.taskRoot),
    client,
    faults: typeof extensions === 'string' ? { disabled: extensions === 'disabled' } : extensions,
  }
}
