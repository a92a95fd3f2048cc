import { insideOf } from '../../src/adapter.ts'
import type { GFluxNode } from '../../src/index.ts'
import { within } from '../shared/within.ts'
import { type Call, currentInvocation, openCall } from './current-invocation.ts'
import { waitAtTheEnd } from './ending.ts'
import { hold, holdFor } from './lifetime.ts'
import { budgetMs, resolveOptions } from './options.ts'

/**
 * A client's `waitUntil`: what each `track()` starts is held by the lifetime of the request that it was called in, until
 * its deadline, so that what is tracked late is delivered too, in a streamed body or in your own work after the response.
 * Never throws.
 *
 * @example
 * ```ts
 * const gflux = initGFluxNode({ token: process.env.GFLUX_SERVER_TOKEN!, waitUntil: vercelWaitUntil })
 * ```
 */
export function vercelWaitUntil(promise: Promise<unknown>): void {
  holdUntilDeadline(promise, hold)
}

const known = new WeakSet<object>()

/**
 * From now on each event of the client is held by the lifetime of its request, but what its running handler tracks: that
 * is the flush's at the handler's end. A client with a `waitUntil` of its own stays as it is.
 */
export function holdEvents(gflux: object): void {
  const inside = insideOf(gflux)
  if (!inside || inside.config.waitUntil || known.has(gflux)) return
  const client = gflux as GFluxNode
  const waitUntil = (promise: Promise<unknown>): void => {
    holdUntilDeadline(promise, (work, call) => holdFor(client, work, call))
  }
  choose(client, client.with({ waitUntil }))

  function choose(plain: GFluxNode, held: GFluxNode): GFluxNode {
    const { identify, track, with: bind } = plain
    const isHeld = (): boolean => {
      const invocation = currentInvocation()
      return !invocation?.isRunning || insideOf(invocation.gflux) !== inside
    }
    known.add(plain)
    return Object.assign(plain, {
      identify: (input) => (isHeld() ? held.identify : identify)(input),
      track: (...event) => (isHeld() ? held.track : track)(...event),
      with: (binding) => choose(bind(binding), held.with(binding)),
    } satisfies Pick<GFluxNode, 'identify' | 'track' | 'with'>)
  }
}

function holdUntilDeadline(
  promise: Promise<unknown>,
  holdWork: (work: Promise<unknown>, call: Call) => unknown,
): void {
  const call = currentInvocation() ?? openCall(resolveOptions())
  const work = within(promise, budgetMs(call, true))
  if (!holdWork(work, call)) waitAtTheEnd(work)
}
