import { AsyncLocalStorage } from 'node:async_hooks'
import { deliveryOf } from '../../src/adapter.ts'
import type { LambdaContext } from './platform.ts'

const storage = new AsyncLocalStorage<LambdaContext | undefined>()

/** The context of the invocation that the calling code belongs to, also where several run at once. */
export function runningContext(): LambdaContext | undefined {
  return storage.getStore()
}

/**
 * Does the client ask for its context at each event? Only then is an invocation's kept: before Node 24 that makes every
 * `await` of the process cost a little more.
 */
export function asksForContext(gflux: object): boolean {
  return typeof deliveryOf(gflux)?.config.defaultContext === 'function'
}

export function runWith<Result>(context: LambdaContext | undefined, run: () => Result): Result {
  return storage.run(context, run)
}

/** For code that can't be handed a function to run: holds for what the caller does from now on. */
export function enterWith(context: LambdaContext | undefined): void {
  storage.enterWith(context)
}

let firstContext: LambdaContext | undefined

/** An invocation was seen, whether or not it asks for its context. */
export function rememberFirst(context: LambdaContext | undefined): void {
  firstContext ??= context
}

/** Is it the first invocation that was seen in this environment? Not by its id: a retry has the same. */
export function isFirst(context: LambdaContext | undefined): boolean {
  rememberFirst(context)
  return context !== undefined && context === firstContext
}
