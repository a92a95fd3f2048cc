import { attempt } from './attempt.ts'
import type { AliasInput, EraseInput } from './client-types.ts'
import type { Delivery } from './delivery.ts'
import { expect } from './errors.ts'
import { id, plainObject } from './event.ts'
import { backoffMs } from './retry.ts'

/** A call that is not queued. */
export interface ProfileCall {
  name: 'alias' | 'erase'
  path: string
  body: object
}

const maxRetryAfterMs = 30_000
const eraseReasons = ['gdpr_dsr', 'ccpa_dsr', 'customer_request', 'internal']

export function aliasCall(input: AliasInput): ProfileCall {
  const { userId, anonymousId, previousId, requestId } = plainObject<AliasInput>('input', input, {})
  const body = {
    user_id: id('userId', userId, true),
    anonymous_id: id('anonymousId', anonymousId),
    previous_id: id('previousId', previousId),
    request_id: id('requestId', requestId),
  }
  expect(body.anonymous_id ?? body.previous_id, 'anonymousId', 'set, or `previousId` to be')
  return { name: 'alias', path: '/v1/identify/alias', body }
}

export function eraseCall(input: EraseInput): ProfileCall {
  const { id: profile, reason, requestId } = plainObject<EraseInput>('input', input, {})
  const path = `/v1/profiles/${encodeURIComponent(id('id', profile, true))}/erase`
  expect(eraseReasons.includes(reason), 'reason', `one of ${eraseReasons}`, reason)
  return { name: 'erase', path, body: { reason, request_id: id('requestId', requestId) } }
}

/** Sends it at once, retried under one idempotency key. Resolves to the API's answer. */
export async function callApi(delivery: Delivery, { name, path, body }: ProfileCall): Promise<unknown> {
  const { config, log, ports } = delivery
  const { apiHost, maxRetries, timeoutMs, token } = config
  const request = {
    name,
    url: apiHost + path,
    token,
    key: ports.randomId(),
    body: JSON.stringify(body),
    isAnswer: (answer: unknown) => answer === Object(answer),
  }
  for (let attempts = 1; ; attempts++) {
    const { body: answer, error } = await attempt(ports, request, timeoutMs || Infinity)
    if (!error) return answer
    const { code, message, retryable, retryAfterMs = 0, status } = error
    const context = { code, status, attempt: attempts }
    if (!retryable || attempts > maxRetries || retryAfterMs > maxRetryAfterMs) {
      log.warn(message, context)
      throw error
    }
    log.debug('Retrying a call', context)
    const delayMs = Math.max(retryAfterMs, backoffMs(attempts, ports.random()))
    await new Promise<void>((resolve) => ports.timer(delayMs, resolve))
  }
}
