import { resolve } from 'node:path'
import type { ExtensionFaults } from './extension-faults.ts'
import type { LambdaRuntime } from './runtimes.ts'

export interface EnvironmentOptions {
  /** @default 'node24' */
  readonly runtime?: LambdaRuntime
  /** The function's own files, by name. */
  readonly files: Readonly<Record<string, string>>
  /** @default 'index.handler' */
  readonly handler?: string
  readonly env?: Readonly<Record<string, string>>
  /** The function's timeout. @default 3000 */
  readonly timeoutMs?: number
  /** How long the first init may take. @default 10_000, Lambda's own limit */
  readonly initTimeoutMs?: number
  /** What `@getfluxly/node` is. @default the repository, whose `dist/` has to be built */
  readonly packageRoot?: string
  /** More packages the function may import: names and folders. */
  readonly packages?: Readonly<Record<string, string>>
  /** So many invocations at a time, as on Lambda Managed Instances: nothing is frozen. @default one, frozen in between */
  readonly concurrency?: number
  /** @default 'enabled' */
  readonly extensions?: 'enabled' | 'disabled' | ExtensionFaults
  /** How long a process with an extension may take from SIGTERM on. @default 500 */
  readonly shutdownWindowMs?: number
  /** Called right after SIGSTOP at the end of an invocation; what it throws, `invoke()` rejects with. */
  readonly onFreeze?: () => void
}

export interface ResolvedOptions extends Required<Omit<EnvironmentOptions, 'concurrency' | 'extensions'>> {
  readonly concurrency: number | undefined
  readonly faults: ExtensionFaults
}

export function resolveOptions(options: EnvironmentOptions): ResolvedOptions {
  const { extensions = 'enabled', packageRoot = resolve(import.meta.dirname, '../../../..') } = options
  const faults = typeof extensions === 'string' ? { disabled: extensions === 'disabled' } : extensions
  return {
    runtime: 'node24',
    handler: 'index.handler',
    env: {},
    timeoutMs: 3000,
    initTimeoutMs: 10_000,
    packages: {},
    shutdownWindowMs: 500,
    onFreeze: () => undefined,
    concurrency: undefined,
    ...options,
    packageRoot,
    faults,
  }
}
