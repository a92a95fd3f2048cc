/** `Symbol.asyncDispose` where the compiler knows it, so that the types also stand without that `lib`. */
export type AsyncDisposeKey = SymbolConstructor extends { readonly asyncDispose: infer Key extends symbol }
  ? Key
  : never

/** Node 18.0 has no `Symbol.asyncDispose`; TypeScript and esbuild then use this one. */
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')
