import { isMainThread } from 'node:worker_threads'
import { assertClient, deliveryOf } from '../../src/adapter.ts'
import type { Flushable } from '../../src/index.ts'
import { within } from '../shared/within.ts'
import { Extension } from './extension.ts'
import { ExtensionsApi, type Registration } from './extensions-api.ts'
import { registerSync } from './register-sync.ts'
import { registeredExtension, setRegistered } from './registry.ts'
import { flushAtShutdown } from './shutdown.ts'

/** Lambda answers within a few milliseconds, and an init has 10 s. */
const registrationTimeoutMs = 2000
const late = `no answer to the registration within ${registrationTimeoutMs} ms`

/**
 * After-response mode: the caller gets the response first, then the flush runs, then Lambda may freeze the environment.
 * Call it at module scope and await it: registrations end with the function's init. Where it can't work, responses wait
 * for the flush as they do without it, and the client's logger is told why, once.
 *
 * @throws {GFluxNodeError} `validation_error` for what is no client, nothing else
 *
 * @example
 * ```ts
 * const gflux = initGFluxNode({ token: process.env.GFLUX_SERVER_TOKEN! })
 * await enableAfterResponse(gflux)
 * export const handler = withGFlux(gflux, async () => ({ statusCode: 200 }))
 * ```
 */
export async function enableAfterResponse(gflux: Flushable): Promise<void> {
  const enabling = enable(gflux)
  if (!enabling) return
  const { api, settle, giveUp } = enabling
  const registration = api.register()
  void registration.then(settle)
  if (!(await within(registration, registrationTimeoutMs, true))) giveUp(late)
}

/**
 * {@link enableAfterResponse} for CommonJS, which has no top-level `await`: stands still until Lambda has answered. A
 * thread does the asking, which makes the init some 40 ms longer.
 */
export function enableAfterResponseSync(gflux: Flushable): void {
  const enabling = enable(gflux)
  if (!enabling) return
  const { api, settle, giveUp } = enabling
  try {
    const registration = registerSync(api.host, registrationTimeoutMs, settle)
    if (registration) settle(registration)
    else giveUp(late)
  } catch (error) {
    settle({ error: String(error) })
  }
}

interface Enabling {
  readonly api: ExtensionsApi
  /** For what the registration came to, also where it comes late. */
  readonly settle: (registration: Registration) => void
  readonly giveUp: (reason: string) => void
}

/** `undefined` where there is nothing to register: it is of no use here, or was done for another client. */
function enable(gflux: Flushable): Enabling | undefined {
  assertClient(gflux)
  flushAtShutdown(gflux)
  if (registeredExtension()) return undefined
  const extension = new Extension((reason) => {
    deliveryOf(gflux)?.log.warn('Events are flushed before the response', { reason })
  })
  setRegistered(extension)
  const giveUp = (reason: string): void => extension.giveUp(reason)
  const { AWS_LAMBDA_RUNTIME_API: host, AWS_LAMBDA_MAX_CONCURRENCY: concurrency } = process.env
  if (!host) giveUp('this is not Lambda')
  else if (concurrency || !isMainThread) giveUp('several invocations run at once')
  else {
    const api = new ExtensionsApi(host)
    const settle = ({ identifier, error = 'the answer has no identifier' }: Registration): void => {
      if (!identifier) giveUp(`the registration failed: ${error}`)
      else extension.start(api, identifier) // late, too: Lambda waits for every extension that it has registered
    }
    return { api, settle, giveUp }
  }
  return undefined
}
