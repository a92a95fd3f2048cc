import { type ChildProcess, spawn } from 'node:child_process'

export interface ChildResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface ProgramOptions {
  readonly cwd?: string | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
}

export interface ChildOptions extends ProgramOptions {
  readonly node?: string
  readonly nodeArgs?: readonly string[]
}

/** Runs a module's text in a Node process of its own, and waits for its end. */
export function runModule(source: string, options: ChildOptions = {}): Promise<ChildResult> {
  return runNode(['--input-type=module', '--eval', source], options)
}

export function runNode(args: readonly string[], options: ChildOptions = {}): Promise<ChildResult> {
  const { node = process.execPath, nodeArgs = [], ...rest } = options
  return run(node, [...nodeArgs, ...args], rest)
}

/** Runs a program, and waits for its end. */
export function run(
  program: string,
  args: readonly string[],
  options?: ProgramOptions,
): Promise<ChildResult> {
  const { child, said } = spawnProgram(program, args, options)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...said }))
  })
}

export interface Spawned {
  readonly child: ChildProcess
  /** What it has written so far. */
  readonly said: { stdout: string; stderr: string }
}

/** Starts a program without the options of ours; emits `said` on the child whenever it has written. */
export function spawnProgram(
  program: string,
  args: readonly string[],
  { cwd, env = {} }: ProgramOptions = {},
): Spawned {
  const { NODE_OPTIONS: _ours, ...inherited } = process.env
  const child = spawn(program, args, {
    cwd,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text) => {
      said[name] += text
      child.emit('said')
    })
  }
  return { child, said }
}
