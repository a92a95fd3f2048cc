import { createAlarmTurn } from './alarm-turn.ts'
import type { AlarmInfo, AlarmStorage, ObjectStorage } from './platform.ts'
import type { TransactionEnd } from './shared-storage.ts'

const key = '__gflux:alarm'
/** https://developers.cloudflare.com/durable-objects/api/alarms/ */
const maxRetries = 6
/** An alarm that is so late was lost, such as by `deleteAll()`: the runtime tries one again within 64 s. */
const maxLateMs = 120_000
/** The runtime takes no dates after 2189. */
const maxTime = 6.9e12
/** The runtime's own words: it doesn't refuse, since the class has an `alarm()`, which is ours. */
const noHandler = 'Your Durable Object class must have an alarm() handler in order to call setAlarm()'

/** When which alarm is due, in milliseconds since the epoch. */
interface Times {
  ours?: number | undefined
  users?: number | undefined
}

interface Work {
  /** Returns when it wants to run again. Aborted where the user's alarm would wait for it. */
  ours(signal: AbortSignal): Promise<number | undefined>
  /** What it throws the runtime has to get, so that it tries again. */
  users(): Promise<unknown>
}

interface SharedAlarm {
  /** Has to be over before the object takes its first event, or uses its alarm. */
  load(): Promise<void>
  /** Ours is to come at once, unless it is to come anyway. */
  schedule(): Promise<void>
  /** The user's alarm is set apart in a transaction too, where that has methods of its own. Returns what undoes it. */
  share(tx?: AlarmStorage): () => void
  /** After a `deleteAll()` ours comes all the same. */
  survive(): Promise<void>
  /** The real alarm has come: runs what is due. */
  run(info: AlarmInfo | undefined, work: Work): Promise<void>
}

/**
 * An object has one alarm: this makes two of it. `setAlarm()`, `getAlarm()` and `deleteAlarm()` of its storage are the
 * user's from now on; the real one is set to whichever is due first. Both are written down where ours is to come.
 *
 * @param hasHandler whether the user's class has an `alarm()`
 */
export function shareAlarm(
  storage: ObjectStorage,
  transactionEnd: TransactionEnd,
  hasHandler: boolean,
): SharedAlarm {
  const { getAlarm } = storage
  let times: Times = {}
  let isLoaded = false
  let isRunning = false
  /** The user set or deleted the alarm while it ran. */
  let isReset = false
  /** The runtime is to try the user's alarm again: another one would take the place of that, and its count. */
  let isRetried = false
  const turn = createAlarmTurn(() => times.users ?? Infinity)

  /** Makes the alarm of a storage the user's own. Returns what sets the real one. */
  const split = (target: AlarmStorage): (() => Promise<void>) => {
    const { deleteAlarm, setAlarm } = target

    const arm = async (): Promise<void> => {
      const { ours, users = Infinity } = times
      const at = Math.min(ours ?? Infinity, users)
      await Promise.all([
        at < Infinity ? setAlarm.call(target, at) : deleteAlarm.call(target),
        // In one write with the alarm, and with the caller's own.
        ours === undefined ? target.delete(key) : target.put({ [key]: { ...times } }),
      ])
    }

    const setUsers = async (at?: number): Promise<void> => {
      if (!isLoaded) await load() // else it is done at once: the caller may be in a `transactionSync()`
      isReset = true
      isRetried = false
      times.users = at
      turn.retime()
      await arm()
    }

    Object.assign(target, {
      deleteAlarm: () => setUsers(),
      // While an alarm runs there is none, unless it has set another.
      async getAlarm() {
        await load()
        return isRunning && !isReset ? null : (times.users ?? null)
      },
      async setAlarm(time: number | Date) {
        if (!hasHandler) throw new TypeError(noHandler)
        if (!isTime(time)) await setAlarm.call(target, time) // which says what is wrong
        await setUsers(Math.max(Date.now(), Number(time)))
      },
    })
    return arm
  }
  const arm = split(storage)

  const armOurs = async (): Promise<void> => {
    await transactionEnd()
    const usersDueMs = Date.now() - (times.users ?? Infinity)
    // The runtime may be about to call, or count its retries: the alarm, set anew, would be another one.
    const isOnItsWay = usersDueMs >= 0 && usersDueMs < maxLateMs
    if (!isRunning && !isRetried && !isOnItsWay) await arm() // else it follows the user's
  }

  /** Each caller reads by itself: within a critical section, such as a constructor's, another's reading doesn't go on. */
  const load = async (): Promise<void> => {
    if (isLoaded) return
    const [real, stored] = await Promise.all([getAlarm.call(storage), storage.get(key)])
    if (isLoaded) return
    isLoaded = true
    times = (stored as Times | undefined) ?? { users: real ?? undefined }
    const { ours, users } = times
    // Set past us, such as in the object's constructor, or lost. One that is due may not have its own time any more.
    if (real === (ours ?? null) || (real ?? users ?? 0) <= Date.now()) return
    times.users = real ?? undefined
    if (ours !== undefined && ours < (real ?? Infinity)) void armOurs() // in its place
  }

  return {
    load,

    async schedule() {
      await load()
      const { ours } = times
      if ((ours ?? 0) > Date.now() - maxLateMs) return
      if (ours !== undefined) isRetried = false
      times.ours = Date.now()
      await armOurs()
    },

    share(tx) {
      const { users } = times
      const was = { isReset, isRetried }
      if (tx) split(tx)
      return () => {
        times.users = users
        isReset = was.isReset
        isRetried = was.isRetried
      }
    },

    async survive() {
      if (deletesAlarm()) {
        isReset = true
        isRetried = false
        times.users = undefined
      }
      if (times.ours !== undefined) await armOurs()
    },

    async run(info, work) {
      const now = Math.max(Date.now(), info?.scheduledTime ?? 0)
      const isOurs = (): boolean => (times.ours ?? Infinity) <= Math.max(now, Date.now())
      let failure: { readonly error: unknown } | undefined
      let isOver = true
      if ((times.users ?? Infinity) <= now || !isOurs()) {
        isReset = false
        isRunning = true
        try {
          await work.users()
        } catch (error) {
          failure = { error }
          isOver = (info?.retryCount ?? 0) >= maxRetries
        }
        isRunning = false
        if (isOver && !isReset) times.users = undefined
      }
      isRetried = !isOver && !isReset
      if (isOurs()) {
        // Should the object end meanwhile, the user's has had its turn all the same.
        if (!failure) void storage.put({ [key]: { ...times } })
        times.ours = await turn.run(work.ours)
      }
      await transactionEnd()
      if (!isRetried) await arm()
      if (failure) throw failure.error
    },
  }
}

function isTime(time: unknown): boolean {
  return (typeof time === 'number' || time instanceof Date) && Number(time) > 0 && Number(time) < maxTime
}

/** https://developers.cloudflare.com/workers/configuration/compatibility-flags/ */
function deletesAlarm(): boolean | undefined {
  const { Cloudflare } = globalThis as { Cloudflare?: { compatibilityFlags?: Record<string, boolean> } }
  return Cloudflare?.compatibilityFlags?.['delete_all_deletes_alarm']
}
