import type { NodeResponse } from './node-response.ts'

/** Makes the end of the response wait for some work: the client gets all but the end before it. */
export function delayEnd(response: NodeResponse, work: () => Promise<unknown>): void {
  const { end } = response
  let ended: Promise<unknown> | undefined
  response.end = (...args) => {
    ended ??= work().then(() => Reflect.apply(end, response, args))
    ended.catch((error) => response.destroy?.(error)) // a chunk that Node refuses
    return response
  }
}
