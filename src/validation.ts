import { GFluxNodeError } from './errors.ts'
import type { Identity } from './event-types.ts'
import { safely } from './log.ts'

/** Throws a `validation_error` unless `isValid`. Tells only the kind of what came: the value may be personal data. */
export function expect(
  isValid: unknown,
  field: string,
  expected: string,
  value?: unknown,
  got: string = typeof value === 'string' ? `a string of ${value.length} characters` : kindOf(value),
): asserts isValid {
  if (isValid) return
  throw new GFluxNodeError('validation_error', `Expected \`${field}\` to be ${expected}, got ${got}`)
}

/** Runs what the caller passed in. What it throws becomes the `cause` of a `validation_error`; our own errors pass. */
export function guarded<Result>(field: string | (() => string), call: () => Result): Result {
  try {
    return call()
  } catch (cause) {
    if (GFluxNodeError.is(cause)) throw cause
    const name = typeof field === 'string' ? field : field()
    throw new GFluxNodeError('validation_error', `Expected \`${name}\` to be readable, but it threw`, {
      cause,
    })
  }
}

/** `Date`, `Array`, `Null`, …: also for objects of another realm. */
export function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1)
}

/** A plain object, of this realm or another; an empty one for `undefined`. */
export function plainObject<Shape = Record<string, unknown>>(field: string, value: unknown = {}): Shape {
  const expected = 'a plain object'
  if (kindOf(value) === 'Promise') safely(() => value) // what it rejects with must not go unhandled
  expect(kindOf(value) === 'Object', field, expected, value)
  const prototype = Object.getPrototypeOf(value)
  const isPlain = !prototype || !Object.getPrototypeOf(prototype)
  expect(isPlain, field, expected, value, prototype?.constructor?.name)
  const { toJSON } = value as { toJSON?: unknown }
  expect(typeof toJSON !== 'function', field, expected, value, 'one with `toJSON`')
  return value as Shape
}

/** An id with something in it, or none. */
export function optionalId(field: string, value: unknown): string | undefined {
  expect(
    value === undefined || (typeof value === 'string' && value.trim()),
    field,
    'a non-empty string',
    value,
  )
  return value
}

/** The ids given, the application's own under either of its names, or else those that are bound. */
export function identityOf(given: Identity, bound: Identity): Pick<Identity, 'anonymousId' | 'userId'> {
  const external = optionalId('externalId', given.externalId)
  const user = optionalId('userId', given.userId) ?? external
  expect(!external || external === user, 'externalId', 'the same as `userId`', external)
  return {
    anonymousId: optionalId('anonymousId', given.anonymousId) ?? bound.anonymousId,
    userId: user ?? bound.userId,
  }
}

/** {@link expect} for options, and for what JSON can't hold: there the number that came is told. */
export function expectNumber(isValid: boolean, field: string, expected: string, value: unknown): void {
  expect(isValid, field, expected, value, typeof value === 'number' ? `\`${value}\` (number)` : undefined)
}

/** A duration in milliseconds or a number of times. */
export function assertAmount(field: string, value: unknown): void {
  expectNumber(Number.isFinite(value) && (value as number) >= 0, field, 'a finite number, 0 or more', value)
}

export function assertFunction(field: string, value: unknown): void {
  expect(value === undefined || typeof value === 'function', field, 'a function', value)
}
