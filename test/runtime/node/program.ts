import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ProgramOptions, spawnProgram } from '../../support/child.ts'
import type { Runtime } from './runtimes.ts'

interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A module that runs in a process of its own; killed at the end of the block where it still runs. */
export interface Program extends AsyncDisposable {
  readonly child: ChildProcess
  readonly ended: Promise<End>
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

export async function startFile(
  { program, args }: Runtime,
  file: string,
  options?: ProgramOptions,
): Promise<Program> {
  const { child, said } = spawnProgram(program, [...args, file], options)
  const until = async (isSaid: () => boolean, what: string): Promise<void> => {
    while (!isSaid()) {
      const hasEnded = await Promise.race([once(child, 'said').then(() => false), ended.then(() => true)])
      if (hasEnded && !isSaid())
        throw new Error(`It ended before it said ${what}:\n${said.stdout}${said.stderr}`)
    }
  }
  const ended = new Promise<End>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, ...said }))
  })
  return {
    child,
    ended,
    async matches(pattern) {
      await until(() => pattern.test(said.stdout + said.stderr), String(pattern))
      return pattern.exec(said.stdout + said.stderr) as RegExpExecArray
    },
    says: (line) => until(() => said.stdout.split('\n').includes(line), line),
    warns: (text) => until(() => said.stderr.split('\n').some((line) => line.startsWith(text)), text),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    },
  }
}
