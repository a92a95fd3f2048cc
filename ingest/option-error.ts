/** The error for an option with a bad value: says which option, what was expected, what came. */
export function optionError(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`Expected \`${name}\` to be ${expected}, got \`${String(value)}\` (${typeof value})`)
}
