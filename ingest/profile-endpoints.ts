import { type Answer, jsonAnswer, refusal } from './answer.ts'
import type { Call, Services } from './endpoint.ts'
import { findUnknownField, isJsonObject, type JsonObject } from './json.ts'
import type { AliasRecord } from './store.ts'

const ERASURE_PERIOD_MS = 30 * 24 * 60 * 60 * 1000
const ERASURE_REASONS: readonly unknown[] = ['gdpr_dsr', 'ccpa_dsr', 'customer_request', 'internal']

/** `POST /v1/identify/alias`: merges an anonymous or an earlier id into the one that survives. */
export function aliasProfile({ body }: Call, { store, now }: Services): Answer {
  const fault = findBodyFault(body, ['user_id', 'anonymous_id', 'previous_id', 'request_id'])
  if (fault !== undefined) return refusal('validation_error', fault)
  const { request_id, ...ids } = body as Omit<AliasRecord, 'merged_at'> & { readonly request_id?: string }
  const folded = [ids.anonymous_id, ids.previous_id].filter((id) => id !== undefined)
  if (ids.user_id === undefined) return refusal('validation_error', 'user_id is required')
  if (folded.length === 0) return refusal('validation_error', 'one of anonymous_id, previous_id is required')
  if (folded.includes(ids.user_id)) {
    return refusal('validation_error', 'user_id can not be merged into itself')
  }

  const survivor = store.survivorOf(ids.user_id)
  for (const id of folded) {
    const existing = store.survivorOf(id)
    // The last condition keeps merges from closing a circle.
    if ((existing === id || existing === survivor) && id !== survivor) continue
    return refusal('alias_conflict', `${id} already belongs to ${existing}, not to ${ids.user_id}`, {
      profiles: [existing, ids.user_id],
    })
  }
  const alias = { ...ids, merged_at: new Date(now()).toISOString() }
  store.addAlias(alias)
  return jsonAnswer(200, { alias, ...(request_id !== undefined && { request_id }) })
}

/** `POST /v1/profiles/{id}/erase`: takes an erasure on. */
export function eraseProfile({ body, id }: Call, { store, createId, now }: Services): Answer {
  const fault = findBodyFault(body, ['reason', 'request_id'])
  if (fault !== undefined) return refusal('validation_error', fault)
  const { reason } = body as { readonly reason: string }
  if (!ERASURE_REASONS.includes(reason)) {
    return refusal('validation_error', `reason must be one of ${ERASURE_REASONS.join(', ')}`)
  }
  if (!store.knows(id)) return refusal('not_found', `no profile has the id ${id}`)
  const profile = store.survivorOf(id)
  if (store.erasures.some((erasure) => store.survivorOf(erasure.id) === profile)) {
    return refusal('erasure_in_progress', `an erasure of ${id} is in progress`)
  }

  const events = store.eventsOf(id)
  const erasure = {
    erasure_id: createId('era_'),
    profiles_targeted: Math.max(1, new Set(events.map((event) => store.profileOf(event))).size),
    events_targeted: events.length,
    completes_by: new Date(now() + ERASURE_PERIOD_MS).toISOString(),
  }
  store.erasures.push({ id, reason, ...erasure })
  return jsonAnswer(202, erasure)
}

/** Both endpoints take an object of non-empty strings. */
function findBodyFault(body: unknown, fields: readonly string[]): string | undefined {
  if (!isJsonObject(body)) return 'body must be an object'
  const unknown = findUnknownField(body, fields)
  if (unknown !== undefined) return `unknown field ${JSON.stringify(unknown)}`
  const bad = Object.keys(body).find((field) => !isNonEmptyString(body, field))
  return bad && `${bad} must be a non-empty string`
}

function isNonEmptyString(body: JsonObject, field: string): boolean {
  return typeof body[field] === 'string' && body[field] !== ''
}
