import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ProgramOptions, spawnProgram } from './child.ts'

/** What runs a module. */
export interface Runtime {
  /** Such as `Node v24.21.0`. */
  readonly name: string
  readonly program: string
  /** What comes before the path of a module. */
  readonly args: readonly string[]
}

export interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A module that runs in a process of its own; killed at the end of the block where it still runs. */
export interface Program extends AsyncDisposable {
  readonly child: ChildProcess
  readonly ended: Promise<End>
  /** What it has written so far, errors last. */
  output(): string
  /** Waits for a line of its output. */
  says(line: string): Promise<void>
  /** Waits for output, or an error, that matches. */
  matches(pattern: RegExp): Promise<RegExpExecArray>
  /** Waits for a line of its errors that begins so. */
  warns(start: string): Promise<void>
}

export async function start(runtime: Runtime, source: string, options?: ProgramOptions): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'gflux-program-'))
  const file = join(folder, 'program.mjs')
  await writeFile(file, source)
  const program = await startFile(runtime, file, options)
  void program.ended.then(() => rm(folder, { recursive: true, force: true }))
  return program
}

interface FileOptions extends ProgramOptions {
  /** What comes after the path of the module. */
  readonly args?: readonly string[]
}

export async function startFile(
  { program, args }: Runtime,
  file: string,
  { args: own = [], ...options }: FileOptions = {},
): Promise<Program> {
  const { child, said } = spawnProgram(program, [...args, file, ...own], options)
  const output = (): string => said.stdout + said.stderr
  const until = async (isSaid: () => boolean, what: string): Promise<void> => {
    while (!isSaid()) {
      const hasEnded = await Promise.race([once(child, 'said').then(() => false), ended.then(() => true)])
      if (hasEnded && !isSaid()) throw new Error(`It ended before it said ${what}:\n${output()}`)
    }
  }
  const ended = new Promise<End>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, ...said }))
  })
  return {
    child,
    ended,
    output,
    async matches(pattern) {
      await until(() => pattern.test(output()), String(pattern))
      return pattern.exec(output()) as RegExpExecArray
    },
    says: (line) => until(() => said.stdout.split('\n').includes(line), line),
    warns: (text) => until(() => said.stderr.split('\n').some((line) => line.startsWith(text)), text),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    },
  }
}
