import { attempt } from './attempt.ts'
import type { AliasInput, EraseInput } from './client-types.ts'
import type { Delivery } from './delivery.ts'
import { backoffMs, maxRetryAfterMs } from './retry.ts'
import { expect, id, optionalId, plainObject } from './validation.ts'

/** A call that is not queued: its path and body. */
export type ProfileCall = readonly [path: string, body: object]

const eraseReasons = ['gdpr_dsr', 'ccpa_dsr', 'customer_request', 'internal']

export function aliasCall(input: AliasInput): ProfileCall {
  const { userId, anonymousId, previousId, requestId } = plainObject<AliasInput>('input', input)
  const body = {
    user_id: id('userId', userId),
    anonymous_id: optionalId('anonymousId', anonymousId),
    previous_id: optionalId('previousId', previousId),
    request_id: optionalId('requestId', requestId),
  }
  expect(anonymousId || previousId, 'anonymousId', 'set, or `previousId` to be')
  return ['/v1/identify/alias', body]
}

export function eraseCall(input: EraseInput): ProfileCall {
  const { id: profile, reason, requestId } = plainObject<EraseInput>('input', input)
  expect(eraseReasons.includes(reason), 'reason', `one of ${eraseReasons}`, reason)
  // A URL would take `.` and `..` for folders.
  expect(!/^\.\.?$/.test(id('id', profile)), 'id', 'another id than a dot or two', profile)
  const path = `/v1/profiles/${encodeURIComponent(profile)}/erase`
  return [path, { reason, request_id: optionalId('requestId', requestId) }]
}

/** Sends it at once, retried under one idempotency key. Resolves to the API's answer. */
export async function callApi({ config, log, ports }: Delivery, [path, body]: ProfileCall): Promise<unknown> {
  const isAnswer = (answer: unknown): boolean => answer === Object(answer)
  const request = { config, path, key: ports.randomId(), body: JSON.stringify(body), isAnswer }
  for (let attempts = 1; ; attempts++) {
    const { answer, error } = await attempt(ports, request, config.timeoutMs || Infinity)
    if (!error) return answer
    const { code, message, retryable, retryAfterMs = 0, status } = error
    const isLast = !retryable || attempts > config.maxRetries || retryAfterMs > maxRetryAfterMs
    log[isLast ? 'warn' : 'debug'](message, { code, status, attempt: attempts })
    if (isLast) throw error
    const delayMs = Math.max(retryAfterMs, backoffMs(attempts, ports.random()))
    await new Promise<void>((resolve) => ports.timer(delayMs, resolve))
  }
}
