export type JsonObject = Readonly<Record<string, unknown>>

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The first field of `object` that is not in `known`. */
export function findUnknownField(object: JsonObject, known: readonly string[]): string | undefined {
  return Object.keys(object).find((field) => !known.includes(field))
}

/** JSON without white space and with sorted keys: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (!isJsonObject(value)) return JSON.stringify(value)
  const fields = Object.keys(value).sort()
  return `{${fields.map((field) => `${JSON.stringify(field)}:${canonicalJson(value[field])}`).join(',')}}`
}

export function countUtf8Bytes(text: string): number {
  return new TextEncoder().encode(text).byteLength
}
