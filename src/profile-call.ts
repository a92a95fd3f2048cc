import { attempt } from './attempt.ts'
import type { AliasInput, EraseInput } from './client-types.ts'
import { type Delivery, invocationTime } from './delivery.ts'
import { backoffMs, maxRetryAfterMs } from './retry.ts'
import { takeTurn } from './turn.ts'
import { expect, guarded, optionalId, plainObject } from './validation.ts'
import { firstOf } from './wait.ts'

/** A call that is not queued: its path and body, and a field of the API's answer. */
export type ProfileCall = readonly [path: string, body: object, answerField: string]

const eraseReasons = ['gdpr_dsr', 'ccpa_dsr', 'customer_request', 'internal']

export function aliasCall(input: AliasInput): ProfileCall {
  const body = ids(input, 'userId', 'anonymousId', 'previousId', 'requestId')
  expect(body['user_id'], 'userId', 'set', undefined, 'none')
  expect(
    body['anonymous_id'] ?? body['previous_id'],
    'anonymousId or previousId',
    'set',
    undefined,
    'neither',
  )
  return ['identify/alias', body, 'alias']
}

export function eraseCall(input: EraseInput): ProfileCall {
  const { id, request_id } = ids(input, 'id', 'requestId')
  const { reason } = plainObject<EraseInput>('input', input)
  expect(eraseReasons.includes(reason), 'reason', `one of ${eraseReasons}`, reason)
  // A URL would take `.` and `..` for folders.
  expect(id && !/^\.\.?$/.test(id), 'id', 'set, and more than a dot or two')
  return [
    `profiles/${guarded('id', () => encodeURIComponent(id))}/erase`,
    { reason, request_id },
    'erasure_id',
  ]
}

/** The ids given, under the API's names for them. */
function ids(input: object, ...fields: string[]): Record<string, string | undefined> {
  const given: Record<string, unknown> = plainObject('input', input)
  return Object.fromEntries(
    fields.map((field) => [field.replace('I', '_i'), optionalId(field, given[field])]),
  )
}

/** Sends it at once, retried under one idempotency key while its invocation has time. Resolves to the API's answer. */
export async function callApi(delivery: Delivery, [path, body, answerField]: ProfileCall): Promise<unknown> {
  const { config, log, ports, turns } = delivery
  const leftMs = invocationTime(delivery)
  const isAnswer = (answer: unknown): boolean => answerField in Object(answer)
  const maxWaitMs = config.timeoutMs * (config.maxRetries + 1) // as long as an API that hangs takes
  const request = { config, path, key: ports.randomId(), body: JSON.stringify(body), isAnswer }
  for (let attempts = 1; ; attempts++) {
    const turn = await takeTurn(delivery, Math.min(maxWaitMs, leftMs()))
    const timeoutMs = Math.min(config.timeoutMs, leftMs())
    const { answer, error } = await attempt(ports, { ...request, isRetry: attempts > 1 }, timeoutMs)
    turns.delete(turn)
    if (!error) return answer
    const { code, message, retryable, retryAfterMs = 0, status } = error
    const delayMs = Math.max(retryAfterMs, backoffMs(error, attempts, ports.random()))
    const isLater = retryAfterMs > maxRetryAfterMs || delayMs >= leftMs()
    const isLast = !retryable || attempts > config.maxRetries || isLater
    log[isLast ? 'warn' : 'debug'](message, { code, status, attempt: attempts })
    if (isLast) throw error
    await firstOf(ports, [], delayMs)
  }
}
