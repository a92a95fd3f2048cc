import { GFluxNodeError } from './errors.ts'

/** Throws a `validation_error` unless `isValid`. Says of what came its kind alone: it may be personal data. */
export function expect(isValid: unknown, field: string, expected: string, value?: unknown): asserts isValid {
  if (isValid) return
  const type = typeof value
  const isSafe = type === 'number' || type === 'boolean'
  const length = type === 'string' ? ` of ${(value as string).length} characters` : ''
  const got = isSafe ? `\`${value}\` (${type})` : kindOf(value) + length
  throw new GFluxNodeError('validation_error', `Expected \`${field}\` to be ${expected}, got ${got}`)
}

/** `Date`, `Array`, `Null`, …: also for objects of another realm. */
export function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1)
}

/** A plain object, of this realm or another; an empty one for `undefined`. */
export function plainObject<Shape = Record<string, unknown>>(field: string, value: unknown = {}): Shape {
  const prototype = value && typeof value === 'object' ? Object.getPrototypeOf(value) : 0
  const isPlain = prototype === null || (prototype && !Object.getPrototypeOf(prototype))
  expect(
    isPlain && typeof (value as { toJSON?: unknown }).toJSON !== 'function',
    field,
    'a plain object',
    value,
  )
  return value as Shape
}

/** An id: a string with something in it. */
export function id(field: string, value: unknown): string {
  expect(typeof value === 'string' && value.trim(), field, 'a non-empty string', value)
  return value
}

/** An id, or none. */
export function optionalId(field: string, value: unknown): string | undefined {
  return value === undefined ? value : id(field, value)
}

/** The application's own id, under either of its names. */
export function userId(identity: { userId?: unknown; externalId?: unknown }): string | undefined {
  const user = optionalId('userId', identity.userId)
  const external = optionalId('externalId', identity.externalId)
  expect(!user || !external || user === external, 'externalId', 'the same as `userId`', external)
  return user ?? external
}

/** A duration in milliseconds or a number of times. */
export function assertAmount(field: string, value: unknown): void {
  expect(Number.isFinite(value) && (value as number) >= 0, field, 'a finite number, 0 or more', value)
}

export function assertFunction(field: string, value: unknown): void {
  expect(value === undefined || typeof value === 'function', field, 'a function', value)
}
