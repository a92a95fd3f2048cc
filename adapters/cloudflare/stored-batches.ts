import type { GFluxEvent } from '../../src/index.ts'
import { type Courier, retryDelayMs } from './courier.ts'
import type { ObjectStorage } from './platform.ts'
import type { SealedBatch } from './sealed-batch.ts'

const stateKey = '__gflux:state'
/** More is left to the client's queue, which has a bound of its own. */
const maxBatches = 1000

/** Batches from the oldest one to where the next one goes. */
interface State {
  first: number
  next: number
  /** Attempts that failed since one didn't. */
  failures: number
}

interface StoredBatch {
  readonly key: string
  /** The events, as text: so its size in storage is known. */
  readonly json: string
  /** When the first attempt began whose outcome is unknown, in milliseconds since the epoch. */
  readonly unknownSince?: number | undefined
}

/** Sealed batches in an object's storage, first in, first out. */
export class StoredBatches {
  readonly #storage: ObjectStorage
  readonly #state: State = { first: 0, next: 0, failures: 0 }

  constructor(storage: ObjectStorage) {
    this.#storage = storage
  }

  /** Has to be over before anything else. */
  async load(): Promise<void> {
    Object.assign(this.#state, await this.#storage.get(stateKey))
  }

  async add({ key, events }: SealedBatch): Promise<void> {
    const { first, next } = this.#state
    if (next - first >= maxBatches) throw new Error(`The durable queue is full: ${maxBatches} batches`)
    await this.#append({ key, json: JSON.stringify(events) })
  }

  /** Sends all, or until an attempt fails: then returns when the next makes sense, in milliseconds since the epoch. */
  async send(courier: Pick<Courier, 'send'>): Promise<number | undefined> {
    const state = this.#state
    for (; state.first < state.next; state.first++) {
      const slot = slotKey(state.first)
      const batch = (await this.#storage.get(slot)) as StoredBatch | undefined
      if (!batch) continue // deleted by the user
      const { key, json, unknownSince } = batch
      const startedAt = unknownSince ?? Date.now()
      // Until it is known: this object may end meanwhile. No request leaves it before what it wrote is stored.
      void this.#storage.put({ [slot]: { ...batch, unknownSince: startedAt } })
      const sealed = { key, events: JSON.parse(json) as GFluxEvent[] }
      const { isSettled, isUnknown, retryAfterMs } = await courier.send(sealed, unknownSince)
      void this.#storage.delete(slot)
      if (isSettled) {
        state.failures = 0
        continue
      }
      // It goes last, so that the others don't wait for one that the API can't digest.
      state.first++
      state.failures++
      await this.#append({ key, json, unknownSince: isUnknown ? startedAt : unknownSince })
      return Date.now() + retryDelayMs(state.failures, retryAfterMs)
    }
    await this.#storage.put({ [stateKey]: { ...state } })
    return undefined
  }

  #append(batch: StoredBatch): Promise<void> {
    const slot = slotKey(this.#state.next++)
    return this.#storage.put({ [slot]: batch, [stateKey]: { ...this.#state } })
  }
}

function slotKey(index: number): string {
  return `__gflux:batch:${index}`
}
