import type { AlarmInfo, ObjectStorage } from './platform.ts'

const key = '__gflux:alarm'
/** https://developers.cloudflare.com/durable-objects/api/alarms/ */
const maxRetries = 6
/** An alarm that is so late was lost, such as by `deleteAll()`. */
const maxLateMs = 60_000

/** When which alarm is due, in milliseconds since the epoch. */
interface Times {
  ours?: number | undefined
  users?: number | undefined
}

interface Work {
  /** Returns when it wants to run again. */
  ours(): Promise<number | undefined>
  /** What it throws the runtime has to get, so that it tries again. */
  users(): Promise<unknown>
}

interface SharedAlarm {
  /** Has to be over before the object takes its first event. */
  load(): Promise<void>
  /** Ours is to come at once, unless it is to come anyway. */
  schedule(): Promise<void>
  /** The real alarm has come: runs what is due. */
  run(info: AlarmInfo | undefined, work: Work): Promise<void>
}

/**
 * An object has one alarm: this makes two of it. `setAlarm()`, `getAlarm()` and `deleteAlarm()` of its storage are the
 * user's from now on; the real one is set to whichever is due first. Alarms set within a `transaction()` pass it by, and
 * are taken for the user's when they come.
 */
export function shareAlarm(storage: ObjectStorage): SharedAlarm {
  const { deleteAlarm, getAlarm, setAlarm } = storage
  let times: Times = {}
  let isRunning = false
  /** The user set or deleted the alarm while it ran. */
  let isReset = false

  const arm = async (): Promise<void> => {
    const at = Math.min(times.ours ?? Infinity, times.users ?? Infinity)
    const saved = storage.put({ [key]: { ...times } }) // in one write with the alarm, and with the caller's own
    await Promise.all([saved, at < Infinity ? setAlarm.call(storage, at) : deleteAlarm.call(storage)])
  }

  const setUsers = async (at?: number): Promise<void> => {
    if (Number.isNaN(at)) return setAlarm.call(storage, Number.NaN) // which says what is wrong
    isReset = true
    times.users = at
    await arm()
  }

  Object.assign(storage, {
    deleteAlarm: () => setUsers(),
    // While an alarm runs there is none, unless it has set another.
    getAlarm: async () => (isRunning && !isReset ? null : (times.users ?? null)),
    setAlarm: (time: number | Date) => setUsers(Number(time)),
  })

  return {
    async load() {
      const real = await getAlarm.call(storage)
      times = ((await storage.get(key)) as Times | undefined) ?? {}
      const { ours, users = 0 } = times
      // Set past us, such as in the object's constructor or before this was in use.
      if (real !== null && real !== ours && real !== users) times.users = real
      if (real === null && users > Date.now()) times.users = undefined
    },

    async schedule() {
      if ((times.ours ?? 0) > Date.now() - maxLateMs) return
      times.ours = Date.now()
      if (!isRunning) await arm() // else it follows the user's
    },

    async run(info, { ours, users }) {
      const now = Math.max(Date.now(), info?.scheduledTime ?? 0)
      const isOurs = (): boolean => (times.ours ?? Infinity) <= Math.max(now, Date.now())
      let failure: { readonly error: unknown } | undefined
      let isOver = true
      if ((times.users ?? Infinity) <= now || !isOurs()) {
        isReset = false
        isRunning = true
        try {
          await users()
        } catch (error) {
          failure = { error }
          isOver = (info?.retryCount ?? 0) >= maxRetries
        }
        isRunning = false
        if (isOver && !isReset) times.users = undefined
      }
      if (isOurs()) times.ours = await ours()
      if (isOver) await arm() // would take the place of the runtime's next try
      if (failure) throw failure.error
    },
  }
}
