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
  if (!json || json.includes('null')) assertJson(value)
  return json || JSON.stringify(value)
}

/** A copy of a plain object: what the caller changes later changes nothing. */
export function snapshot(field: string, value: unknown): Record<string, unknown> {
  return JSON.parse(toJson({ [field]: plainObject(field, value) }))[field]
}

/** Throws for the first value that JSON can't hold; a `null` of the caller's own passes. */
function assertJson(root: object): void {
  const keys: string[] = []
  const ancestors: unknown[] = []
  const path = (): string => keys.join('.').slice(0, 100)
  const walk = (value: unknown): void => {
    if (value == null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value))
      return
    const { toJSON } = value as { toJSON?: unknown }
    const json = typeof toJSON === 'function' ? toJSON.call(value, keys.at(-1) ?? '') : value
    const judged = json === null ? value : json // an invalid date's is null
    const kind = kindOf(judged)
    const isLossy = kind === 'BigInt' || (/^(Number|Date)$/.test(kind) && !Number.isFinite(Number(judged)))
    if (isLossy || ancestors.includes(value)) expectNumber(false, path(), 'a value that JSON can hold', value)
    if (json === value && value !== Object(value)) return
    ancestors.push(value)
    if (json !== value) walk(json)
    else
      for (const key of Object.keys(value)) {
        keys.push(key)
        walk((value as Record<string, unknown>)[key])
        keys.pop()
      }
    ancestors.pop()
  }
  guarded(path, () => walk(root))
}
