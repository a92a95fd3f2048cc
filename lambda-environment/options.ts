import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { optionError } from '../ingest/option-error.ts'
import type { ExtensionFaults } from './extension-faults.ts'
import { findRuntimeClient } from './runtime-client.ts'

/** A function and its configuration, as Lambda has them. */
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

/** What the runtime client tries a handler's file with. */
const endings = ['', '.js', '.mjs', '.cjs']

/** @throws {TypeError} naming the option */
export function resolveOptions({
  taskRoot,
  handler = 'index.handler',
  env = {},
  timeoutMs = 3000,
  initTimeoutMs = 10_000,
  concurrency,
  extensions = 'enabled',
  shutdownWindowMs = 500,
  onFreeze = () => undefined,
  node = process.execPath,
  client = findRuntimeClient(),
}: EnvironmentOptions): ResolvedOptions {
  const isFolder =
    typeof taskRoot === 'string' && statSync(taskRoot, { throwIfNoEntry: false })?.isDirectory()
  if (!isFolder) throw optionError('taskRoot', 'a folder that is there', taskRoot)
  const isThere = (path: string): boolean => existsSync(resolve(taskRoot, path))
  if (node.includes('/') && !isThere(node)) throw optionError('node', 'a program that is there', node)
  if (!isThere(client)) throw optionError('client', 'a file that is there', client)
  assertDuration('timeoutMs', timeoutMs)
  assertDuration('initTimeoutMs', initTimeoutMs)
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency > 0))
    throw optionError('concurrency', 'a positive integer', concurrency)
  const [, file] = /^((?:.*\/)?[^./]*)\.[^/]*$/.exec(handler) ?? []
  if (file === undefined || !endings.some((ending) => isThere(file + ending)))
    throw optionError('handler', 'a file of the function and its export', handler)
  const faults = typeof extensions === 'string' ? { disabled: extensions === 'disabled' } : extensions
  return {
    taskRoot: resolve(taskRoot),
    handler,
    env,
    timeoutMs,
    initTimeoutMs,
    concurrency,
    faults,
    shutdownWindowMs,
    onFreeze,
    node,
    client,
  }
}

/** @throws {TypeError} naming the option */
export function assertDuration(name: string, ms: unknown): void {
  if (!(Number.isFinite(ms) && (ms as number) > 0))
    throw optionError(name, 'a positive number of milliseconds', ms)
}
