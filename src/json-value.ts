import { expectNumber, guarded, kindOf, plainObject } from './validation.ts'

/**
 * Serialises, and refuses what JSON can't hold, naming where it is. JSON writes NaN, Infinity and invalid dates as
 * `null`, so only what holds a `null`, or threw, is looked at again.
 */
export function toJson(value: object): string {
  let json = ''
  try {
    json = JSON.stringify(value)
  } catch {
    // named below
  }
  if (!json || json.includes('null')) assertJsonValue(value, '', [])
  return json || JSON.stringify(value)
}

/** A copy of a plain object: what the caller changes later changes nothing. */
export function snapshot(field: string, value: unknown): Record<string, unknown> {
  return JSON.parse(toJson({ [field]: plainObject(field, value) }))[field]
}

function assertJsonValue(value: unknown, path: string, ancestors: readonly unknown[]): void {
  const kind = kindOf(value)
  const isLossy = kind === 'BigInt' || (/^(Number|Date)$/.test(kind) && !Number.isFinite(Number(value)))
  expectNumber(!isLossy && !ancestors.includes(value), path, 'a value that JSON can hold', value)
  if (value !== Object(value)) return
  const inner = [...ancestors, value]
  guarded(path, () => {
    const { toJSON } = value as { toJSON?: unknown }
    const json = typeof toJSON === 'function' ? toJSON.call(value) : value
    if (json !== value) assertJsonValue(json, path, inner)
    else
      for (const [key, item] of Object.entries(value as object))
        assertJsonValue(item, `${path && `${path}.`}${key}`.slice(0, 100), inner)
  })
}
