import type { Flushable } from '../../src/index.ts'
import { deadlineOf, type ResolvedOptions } from './options.ts'
import { builtinModule, globals, type InvocationStorage } from './platform.ts'

/** What a lifetime is found by, and when it ends. */
export interface Call {
  readonly options: ResolvedOptions
  /** One of them may be a context or an event. */
  readonly args: readonly unknown[]
  /** In milliseconds since the epoch. */
  readonly deadline: number
}

export function openCall(options: ResolvedOptions, args: readonly unknown[] = []): Call {
  return { options, args, deadline: deadlineOf(options) }
}

/** Who has events: once the flush at its end is over, what that left is anybody's. */
export interface Owner {
  isOver: boolean
}

/** A call of a wrapped handler. */
export interface Invocation extends Call {
  readonly gflux: Flushable
  /** Until the flush at its end begins, which takes what the client tracked in it. */
  isRunning: boolean
  /** An object of its own, as it outlives the request while its events are queued. */
  readonly owner: Owner
}

let storage: InvocationStorage<Invocation> | undefined

/** Runs code, and whatever it starts, as the invocation's. */
export function runWithin(invocation: Invocation, code: () => unknown): unknown {
  storage ??= openStorage()
  return storage ? storage.run(invocation, code) : code()
}

/** That of the calling code, where it belongs to a wrapped handler and the platform can tell. */
export function currentInvocation(): Invocation | undefined {
  return storage?.getStore()
}

function openStorage(): InvocationStorage<Invocation> | undefined {
  const Class = globals.AsyncLocalStorage ?? builtinModule('node:async_hooks')?.AsyncLocalStorage
  return Class && new Class()
}
