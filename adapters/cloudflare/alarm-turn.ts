/** How long ours may take, in milliseconds. */
const maxMs = 10_000
/** How long ours may take where the user's is due: twice as long after each time that it had to end. */
const minMs = 1000

/** The part of an alarm that is ours: it ends when the user's own is due. */
interface AlarmTurn {
  run<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result>
  /** The user's alarm is due at another time now. */
  retime(): void
}

/** @param usersAt when the user's alarm is due, in milliseconds since the epoch. */
export function createAlarmTurn(usersAt: () => number): AlarmTurn {
  /** How often it had to end, in a row. */
  let aborts = 0
  let limit: (() => void) | undefined

  return {
    async run(work) {
      const controller = new AbortController()
      const startedAt = Date.now()
      let timer: unknown
      limit = () => {
        clearTimeout(timer as number)
        const leftMs = Math.max(minMs * 2 ** aborts, usersAt() - startedAt)
        timer = setTimeout(() => controller.abort(), startedAt + Math.min(maxMs, leftMs) - Date.now())
      }
      limit()
      const result = await work(controller.signal)
      aborts = controller.signal.aborted ? aborts + 1 : 0
      clearTimeout(timer as number)
      limit = undefined
      return result
    },
    retime: () => limit?.(),
  }
}
