import { asValidationError } from './errors.ts'
import { expect, kindOf, plainObject } from './validation.ts'

/**
 * Serialises, and refuses what JSON can't hold, naming the field. JSON writes NaN, Infinity and invalid dates as
 * `null`, so only what holds a `null`, or threw, is looked at again.
 */
export function toJson(value: object): string {
  let json = 'null'
  try {
    json = JSON.stringify(value)
  } catch {
    // named below
  }
  if (json.includes('null')) assertJsonValue(value, '', [])
  return json
}

/** A copy of a plain object: what the caller changes later changes nothing. */
export function snapshot(field: string, value: unknown): Record<string, unknown> {
  return JSON.parse(toJson(plainObject(field, value)))
}

function assertJsonValue(value: unknown, path: string, ancestors: readonly unknown[]): void {
  const kind = kindOf(value)
  const isLossy = kind === 'BigInt' || (/Number|Date/.test(kind) && !Number.isFinite(Number(value)))
  expect(!isLossy && !ancestors.includes(value), path, 'a value that JSON can hold', value)
  if (typeof value !== 'object' || !value) return
  let keyPath = path
  const inner = [...ancestors, value]
  try {
    const { toJSON } = value as { toJSON?: unknown }
    const json = typeof toJSON === 'function' ? toJSON.call(value) : value
    if (json !== value) assertJsonValue(json, path, inner)
    else
      for (const key of Object.keys(json)) {
        keyPath = path ? `${path}.${key}` : key
        assertJsonValue(json[key], keyPath, inner)
      }
  } catch (cause) {
    throw asValidationError(cause, keyPath)
  }
}
