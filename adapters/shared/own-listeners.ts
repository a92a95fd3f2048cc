const key = Symbol.for('@getfluxly/node/own-listeners')

/**
 * The signal listeners of this package's adapters, in every copy of it. Each ends the process when its work is done,
 * unless a listener of somebody else has taken the end over: so none of them counts for another.
 */
export function ownListeners(): WeakSet<object> {
  const holder = globalThis as { [key]?: WeakSet<object> }
  holder[key] ??= new WeakSet()
  return holder[key]
}
