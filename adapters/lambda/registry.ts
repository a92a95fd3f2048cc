import type { Flushable } from '../../src/index.ts'
import type { Extension } from './extension.ts'

/** The one extension of this process, and whose events it flushes at the shutdown. */
export interface Registered {
  readonly extension: Pick<Extension, 'begin' | 'runAfterResponse' | 'giveUp'>
  readonly clients: Set<Flushable>
}

const key: unique symbol = Symbol.for('@getfluxly/node/lambda')
const shared = globalThis as { [key]?: Registered }

/** One for all copies of this package in the process: a second registration would be refused. */
export function registered(): Registered | undefined {
  return shared[key]
}

export function setRegistered(registered: Registered): void {
  shared[key] = registered
}
