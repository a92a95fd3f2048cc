import { expect } from './errors.ts'

/** Throws a `validation_error` that names the first value JSON can't hold. */
export function assertJsonValue(value: unknown, path: string, ancestors: readonly unknown[] = []): void {
  const isValid = isDate(value)
    ? !Number.isNaN(value.getTime())
    : typeof value !== 'number' || Number.isFinite(value)
  expect(isValid && typeof value !== 'bigint', path, 'a value that JSON can hold', value)
  if (value !== Object(value) || typeof value === 'function') return
  expect(!ancestors.includes(value), path, 'free of cycles', value)
  const inner = [...ancestors, value]
  const object = value as Record<string, unknown>
  const toJSON = object['toJSON']
  if (typeof toJSON === 'function')
    assertJsonValue(
      read(path, () => toJSON.call(value)),
      path,
      inner,
    )
  else
    for (const key of Object.keys(object))
      assertJsonValue(
        read(`${path}.${key}`, () => object[key]),
        `${path}.${key}`,
        inner,
      )
}

/** A Date, of this realm or another. */
export function isDate(value: unknown): value is Date {
  return Object.prototype.toString.call(value) === '[object Date]'
}

function read(path: string, getter: () => unknown): unknown {
  try {
    return getter()
  } catch (cause) {
    return expect(false, path, 'readable: a getter or a toJSON threw', undefined, cause)
  }
}
