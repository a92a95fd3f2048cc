import type { Extension } from './extension.ts'

export type RegisteredExtension = Pick<Extension, 'begin' | 'flushAfterResponse' | 'giveUp'>

const key: unique symbol = Symbol.for('@getfluxly/node/lambda-extension')
const shared = globalThis as { [key]?: RegisteredExtension }

/** The one of this process, for all copies of this package: a second registration would be refused. */
export function registeredExtension(): RegisteredExtension | undefined {
  return shared[key]
}

export function setRegistered(extension: RegisteredExtension): void {
  shared[key] = extension
}
