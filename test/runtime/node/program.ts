import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

export async function start(
  { program, args }: Runtime,
  source: string,
  { env = {}, cwd }: ProgramOptions = {},
): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'gflux-program-'))
  const file = join(folder, 'program.mjs')
  await writeFile(file, source)
  const { NODE_OPTIONS: _ours, ...inherited } = process.env
  const child = spawn(program, [...args, file], {
    cwd,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
    child.emit('said')
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const ended = new Promise<End>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  return {
    child,
    ended,
    async says(line) {
      while (!stdout.split('\n').includes(line)) {
        const hasEnded = await Promise.race([once(child, 'said').then(() => false), ended.then(() => true)])
        if (hasEnded && !stdout.split('\n').includes(line))
          throw new Error(`It ended before it said ${line}:\n${stdout}${stderr}`)
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}
