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

/**
 * An object has one alarm: this makes two of it. `setAlarm()`, `getAlarm()` and `deleteAlarm()` of its storage are the
 * user's from now on; the real one is set to whichever is due first. Alarms set within a `transaction()` pass it by, and
 * are taken for the user's when they come.
 */
export class SharedAlarm {
  readonly #storage: ObjectStorage
  readonly #real: Pick<ObjectStorage, 'getAlarm' | 'setAlarm' | 'deleteAlarm'>
  #times: Times = {}
  #isRunning = false
  /** The user set or deleted the alarm while it ran. */
  #isReset = false

  constructor(storage: ObjectStorage) {
    const { deleteAlarm, getAlarm, setAlarm } = storage
    this.#storage = storage
    this.#real = {
      deleteAlarm: () => deleteAlarm.call(storage),
      getAlarm: () => getAlarm.call(storage),
      setAlarm: (time) => setAlarm.call(storage, time),
    }
    Object.assign(storage, {
      deleteAlarm: () => this.#setUsers(undefined),
      // While an alarm runs there is none, unless it has set another.
      getAlarm: async () => (this.#isRunning && !this.#isReset ? null : (this.#times.users ?? null)),
      setAlarm: (time: number | Date) => this.#setUsers(Number(time)),
    })
  }

  /** Has to be over before the object takes its first event. */
  async load(): Promise<void> {
    const real = await this.#real.getAlarm()
    this.#times = ((await this.#storage.get(key)) as Times | undefined) ?? {}
    const { ours, users = 0 } = this.#times
    // Set past us, such as in the object's constructor or before this was in use.
    if (real !== null && real !== ours && real !== users) this.#times.users = real
    if (real === null && users > Date.now()) this.#times.users = undefined
  }

  /** Ours is to come, unless it is anyway. */
  async schedule(at: number): Promise<void> {
    if ((this.#times.ours ?? 0) > Date.now() - maxLateMs) return
    this.#times.ours = at
    if (!this.#isRunning) await this.#arm() // else it follows the user's
  }

  /**
   * The real alarm has come. Runs what is due: the user's, whose error the runtime has to get so that it tries again, and
   * ours, which tells when it wants to run again.
   */
  async run(
    info: AlarmInfo | undefined,
    { ours, users }: { ours: () => Promise<number | undefined>; users: () => Promise<unknown> },
  ): Promise<void> {
    const now = Math.max(Date.now(), info?.scheduledTime ?? 0)
    const isOurs = (): boolean => (this.#times.ours ?? Infinity) <= Math.max(now, Date.now())
    let failure: { readonly error: unknown } | undefined
    let isOver = true
    if ((this.#times.users ?? Infinity) <= now || !isOurs()) {
      this.#isReset = false
      this.#isRunning = true
      try {
        await users()
      } catch (error) {
        failure = { error }
        isOver = (info?.retryCount ?? 0) >= maxRetries
      }
      this.#isRunning = false
      if (isOver && !this.#isReset) this.#times.users = undefined
    }
    if (isOurs()) this.#times.ours = await ours()
    if (isOver) await this.#arm() // would take the place of the runtime's next try
    if (failure) throw failure.error
  }

  #setUsers(at: number | undefined): Promise<void> {
    if (Number.isNaN(at)) return this.#real.setAlarm(Number.NaN) // which says what is wrong
    this.#isReset = true
    this.#times.users = at
    return this.#arm()
  }

  async #arm(): Promise<void> {
    const { ours = Infinity, users = Infinity } = this.#times
    const at = Math.min(ours, users)
    const saved = this.#storage.put({ [key]: { ...this.#times } }) // in one write with the alarm, and with the caller's own
    await Promise.all([saved, at < Infinity ? this.#real.setAlarm(at) : this.#real.deleteAlarm()])
  }
}
