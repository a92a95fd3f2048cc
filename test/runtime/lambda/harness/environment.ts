import { resolve } from 'node:path'
import { Environment as LambdaEnvironment } from '../../../../lambda-environment/environment.ts'
import type { EnvironmentOptions as LambdaOptions } from '../../../../lambda-environment/index.ts'
import { resolveOptions } from '../../../../lambda-environment/options.ts'
import { findProgram, type LambdaRuntime } from './runtimes.ts'
import { createTaskRoot, type TaskRoot } from './task-root.ts'

export interface EnvironmentOptions extends Omit<LambdaOptions, 'taskRoot' | 'node' | 'client'> {
  /** @default 'node24' */
  readonly runtime?: LambdaRuntime
  /** The function's own files, by name. */
  readonly files: Readonly<Record<string, string>>
  /** What `@getfluxly/node` is. @default the repository, whose `dist/` has to be built */
  readonly packageRoot?: string
  /** More packages the function may import: names and folders. */
  readonly packages?: Readonly<Record<string, string>>
}

const repository = resolve(import.meta.dirname, '../../../..')

/** Starts an execution environment of one of Lambda's runtimes, whose function a test brings as text. */
export async function startEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const { runtime = 'node24', files, packageRoot = repository, packages, ...rest } = options
  const taskRoot = await createTaskRoot(files, { '@getfluxly/node': packageRoot, ...packages })
  const environment = new Environment(taskRoot, {
    ...rest,
    ...findProgram(runtime),
    env: { AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${runtime.slice('node'.length)}.x`, ...rest.env },
  })
  await environment.initialize()
  return environment
}

/** Takes its function away when it ends. */
export class Environment extends LambdaEnvironment {
  readonly #taskRoot: TaskRoot

  constructor(taskRoot: TaskRoot, options: Omit<LambdaOptions, 'taskRoot'>) {
    super(resolveOptions({ ...options, taskRoot: taskRoot.path }))
    this.#taskRoot = taskRoot
  }

  override async close(): Promise<void> {
    await super.close()
    await this.#taskRoot.remove()
  }
}
