import { type Answer, errorCodeOf, jsonAnswer } from './answer.ts'
import type { Failure, RedirectFailure, StatusFailure } from './failure.ts'
import { type Outcome, RESET } from './message.ts'
import { optionError } from './option-error.ts'

/** What a failure does to a request; `answer` stands for the API's own. */
export type FailureEffect =
  | { readonly kind: 'delay' | 'hang' | 'reset-before' | 'reset-after' | 'truncated' | 'not-json' }
  | { readonly kind: 'answer'; readonly answer: Answer }

/** All that any kind of failure may say. */
type AnyFailure = Readonly<Record<string, unknown>>

const REDIRECTS: readonly unknown[] = [301, 302, 307, 308]

/** @throws TypeError for a failure that is none of the kinds, or several at once, or has a bad value. */
export function resolveEffect(failure: Failure): FailureEffect {
  const { hang, reset, body, redirect, status, retryAfter, delayMs }: AnyFailure = { ...failure }
  const given = Object.entries({ redirect, status, hang, reset, body, retryAfter })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name)

  switch (given.join(' ')) {
    case '':
      if (delayMs === undefined) throw effectError('none')
      return { kind: 'delay' }
    case 'hang':
      if (hang !== true) throw optionError('hang', 'true', hang)
      return { kind: 'hang' }
    case 'reset':
      if (reset !== 'before' && reset !== 'after') throw optionError('reset', "'before' or 'after'", reset)
      return { kind: `reset-${reset}` }
    case 'body':
      if (body !== 'truncated' && body !== 'not-json') {
        throw optionError('body', "'truncated' or 'not-json', where `status` is absent", body)
      }
      return { kind: body }
    case 'redirect':
    case 'redirect status':
      return { kind: 'answer', answer: redirectAnswer(failure as RedirectFailure) }
    case 'status':
    case 'status body':
    case 'status retryAfter':
    case 'status body retryAfter':
      return { kind: 'answer', answer: statusAnswer(failure as StatusFailure) }
    default:
      throw effectError(given.join(' and '))
  }
}

/** What becomes of the answer to a request that was processed. */
export function spoil(answer: Answer, effect: FailureEffect | undefined): Outcome {
  if (effect?.kind === 'reset-after') return RESET
  if (effect?.kind !== 'not-json')
    return { kind: 'answer', answer, isTruncated: effect?.kind === 'truncated' }
  const headers = { ...answer.headers, 'content-type': 'text/html;charset=utf-8' }
  const body = '<!doctype html><title>It works</title>'
  return { kind: 'answer', answer: { ...answer, headers, body }, isTruncated: false }
}

function effectError(got: string): TypeError {
  const kinds =
    '`status` (with `retryAfter`, `body`), `delayMs`, `hang`, `reset`, `body`, `redirect` (with `status`)'
  return new TypeError(`Expected a failure to be one of ${kinds}, got ${got}`)
}

function redirectAnswer({ redirect, status = 307 }: RedirectFailure): Answer {
  if (!REDIRECTS.includes(status)) throw optionError('status', `one of ${REDIRECTS.join(', ')}`, status)
  const location = String(redirect)
  if (location === '' || !isHeaderText(location)) throw optionError('redirect', 'a URL', redirect)
  return { status, headers: { location }, body: '' }
}

function statusAnswer({ status, retryAfter, body }: StatusFailure): Answer {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw optionError('status', 'an integer from 200 to 599', status)
  }
  const answer =
    typeof body === 'string'
      ? { status, headers: { 'content-type': 'text/plain;charset=utf-8' }, body }
      : jsonAnswer(status, body ?? defaultBody(status))
  if (retryAfter === undefined) return answer
  return { ...answer, headers: { ...answer.headers, 'retry-after': retryAfterText(retryAfter) } }
}

function defaultBody(status: number): object {
  return status < 400 ? {} : { error: errorCodeOf(status), detail: `failure on demand: ${status}` }
}

function retryAfterText(retryAfter: unknown): string {
  if (typeof retryAfter === 'string' && isHeaderText(retryAfter)) return retryAfter
  if (retryAfter instanceof Date && !Number.isNaN(retryAfter.getTime())) return retryAfter.toUTCString()
  if (typeof retryAfter === 'number' && Number.isFinite(retryAfter) && retryAfter >= 0)
    return String(retryAfter)
  throw optionError('retryAfter', 'seconds, a Date or a string', retryAfter)
}

/** What a header may hold: https://fetch.spec.whatwg.org/#header-value */
function isHeaderText(text: string): boolean {
  return /^[\t -~\x80-\xff]*$/.test(text)
}
