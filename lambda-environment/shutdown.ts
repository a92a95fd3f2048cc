import { now } from './log.ts'
import type { Exit } from './process.ts'
import type { Sandbox } from './sandbox.ts'

/** How the environment's end went. */
export interface Shutdown extends Pick<Exit, 'code' | 'signal'> {
  readonly sigtermAt?: number
  /** When SIGKILL was sent. */
  readonly killedAt?: number
  readonly exitedAt: number
  /** From the decision to the exit. */
  readonly ms: number
}

/**
 * Ends an environment as Lambda does: at once, or with a SIGTERM and some time where an extension is registered.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
 */
export async function shutDown(sandbox: Sandbox, hasWarning: boolean, windowMs: number): Promise<Shutdown> {
  const { process: child } = sandbox
  const startedAt = now()
  const isWarned = hasWarning && child.isAlive
  let sigtermAt: number | undefined
  if (isWarned) {
    child.thaw()
    sigtermAt = child.terminate()
    await Promise.race([child.exited, wait(windowMs)])
  }
  const killedAt = child.isAlive ? child.kill() : undefined
  const { code, signal, at: exitedAt } = await child.exited
  return {
    code,
    signal,
    exitedAt,
    ms: Math.max(0, exitedAt - startedAt),
    ...(sigtermAt !== undefined && { sigtermAt }),
    ...(killedAt !== undefined && { killedAt }),
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
