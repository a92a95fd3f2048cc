import { spawn } from 'node:child_process'

export interface ChildResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface ChildOptions {
  readonly node?: string
  readonly nodeArgs?: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a module's text in a Node process of its own, and waits for its end. */
export function runModule(source: string, options: ChildOptions = {}): Promise<ChildResult> {
  return runNode(['--input-type=module', '--eval', source], options)
}

export function runNode(args: readonly string[], options: ChildOptions = {}): Promise<ChildResult> {
  const { node = process.execPath, nodeArgs = [], cwd, env = {} } = options
  return run(node, [...nodeArgs, ...args], { cwd, env })
}

/** Runs a program, and waits for its end. */
export function run(
  program: string,
  args: readonly string[],
  { cwd, env = {} }: Pick<ChildOptions, 'env'> & { readonly cwd?: string | undefined } = {},
): Promise<ChildResult> {
  const { NODE_OPTIONS: _ours, ...inherited } = process.env
  const child = spawn(program, args, {
    cwd,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
}
