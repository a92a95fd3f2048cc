import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Log, now } from './log.ts'

/** How the function's process ended. */
export interface Exit {
  readonly at: number
  readonly code: number | null
  readonly signal: string | null
}

export interface ProcessOptions {
  readonly program: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly log: Log
}

const OUTPUT_LIMIT_MS = 1000
const STOP_LIMIT_MS = 1000

const running = new Set<RuntimeProcess>()

function killAll(): void {
  for (const child of running) child.kill()
}

/** The runtime's process, in a process group of its own that stands still while the environment is frozen. */
export class RuntimeProcess {
  /** Resolves when the process is gone and what it wrote has been read. */
  readonly exited: Promise<Exit>
  /** Called at once when the process is gone. */
  onExit: () => void = () => undefined
  isFrozen = false
  exit: Exit | undefined
  readonly #child: ChildProcess
  readonly #log: Log

  constructor({ program, args, cwd, env, log }: ProcessOptions) {
    // Ends a child that is stopped too, even where its parent was killed: no exit handler runs then.
    const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
    const command = setpriv ? [setpriv, '--pdeathsig', 'KILL', program, ...args] : [program, ...args]
    const [first = program, ...rest] = command
    this.#log = log
    this.#child = spawn(first, rest, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    log.add('start', { pid: this.pid })
    if (running.size === 0) process.on('exit', killAll)
    running.add(this)
    for (const stream of ['stdout', 'stderr'] as const) {
      this.#child[stream]?.setEncoding('utf8').on('data', (text: string) => log.add(stream, { text }))
    }
    this.exited = this.#watch()
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get isAlive(): boolean {
    return this.exit === undefined
  }

  freeze(): number {
    this.isFrozen = this.#signal('SIGSTOP')
    return this.#log.add('freeze', { pid: this.pid }).at
  }

  /** Waits until the kernel has stopped every thread: one that waits for a core takes some milliseconds. */
  async standsStill(): Promise<void> {
    const end = Date.now() + STOP_LIMIT_MS
    while (this.isFrozen && !isStopped(this.pid) && Date.now() < end) await sleep(1)
  }

  thaw(): number {
    this.isFrozen = false
    this.#signal('SIGCONT')
    return this.#log.add('thaw', { pid: this.pid }).at
  }

  terminate(): number {
    this.#signal('SIGTERM')
    return this.#log.add('sigterm', { pid: this.pid }).at
  }

  kill(): number {
    if (this.isAlive) this.#log.add('sigkill', { pid: this.pid })
    this.#signal('SIGKILL')
    return now()
  }

  async #watch(): Promise<Exit> {
    const child = this.#child
    const closed = new Promise((resolve) => child.once('close', resolve))
    await new Promise<void>((resolve) => {
      const onEnd = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.exit = { at: now(), code, signal }
        this.isFrozen = false
        this.#log.add('exit', { pid: this.pid, code, signal })
        this.#signal('SIGKILL') // what the handler started and left behind
        running.delete(this)
        if (running.size === 0) process.removeListener('exit', killAll)
        this.onExit()
        resolve()
      }
      child.once('exit', onEnd)
      child.once('error', (error) => {
        this.#log.add('stderr', { text: String(error) })
        if (this.pid === undefined) onEnd(null, null)
      })
    })
    const limit = new Promise((resolve) => setTimeout(resolve, OUTPUT_LIMIT_MS).unref())
    if (this.pid !== undefined) await Promise.race([closed, limit])
    return this.exit as Exit
  }

  /** To the whole group; `false` where nothing of it is left. */
  #signal(signal: NodeJS.Signals): boolean {
    if (this.pid === undefined) return false
    try {
      return process.kill(-this.pid, signal)
    } catch {
      return false // ESRCH: it is gone
    }
  }
}

function isStopped(pid: number | undefined): boolean {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    return threads.every((id) => /\) [Tt] /.test(readFileSync(`/proc/${pid}/task/${id}/stat`, 'latin1')))
  } catch {
    return true // gone, or a system without /proc
  }
}
