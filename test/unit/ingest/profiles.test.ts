import { describe, expect, it } from 'vitest'
import { BATCH, openInProcess, uuid } from './doors.ts'

const ALIAS = '/v1/identify/alias'
const NOW = Date.parse('2026-05-16T07:00:00Z')

describe('the alias endpoint', () => {
  it('merges an anonymous id into a user', async () => {
    const { ingest, post } = openInProcess({ now: () => NOW })

    const response = await post(ALIAS, { user_id: 'user_42', anonymous_id: 'anon_1', request_id: 'r1' })

    const alias = { user_id: 'user_42', anonymous_id: 'anon_1', merged_at: '2026-05-16T07:00:00.000Z' }
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ alias, request_id: 'r1' })
    expect(response.headers.get('x-ratelimit-limit')).not.toBeNull()
    expect(ingest.aliases).toEqual([alias])
  })

  it.each([
    ['no user_id', { anonymous_id: 'a' }],
    ['nothing to fold in', { user_id: 'u' }],
    ['an empty id', { user_id: 'u', anonymous_id: '' }],
    ['a number as id', { user_id: 1, anonymous_id: 'a' }],
    ['an unknown field', { user_id: 'u', anonymousId: 'a' }],
    ['an id merged into itself', { user_id: 'u', previous_id: 'u' }],
    ['an array', []],
  ])('refuses %s', async (_title, body) => {
    const { ingest, post } = openInProcess()

    const response = await post(ALIAS, body)

    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: 'validation_error' })
    expect(ingest.aliases).toEqual([])
  })

  it('refuses to merge an id into a second user, and names both', async () => {
    const { ingest, post } = openInProcess()

    await post(ALIAS, { user_id: 'user_1', anonymous_id: 'anon' })
    const response = await post(ALIAS, { user_id: 'user_2', anonymous_id: 'anon' })

    expect(response.status).toBe(409)
    expect(await response.json()).toEqual({
      error: 'alias_conflict',
      detail: expect.any(String),
      profiles: ['user_1', 'user_2'],
    })
    expect(ingest.aliases).toHaveLength(1)
  })

  it('takes the same merge again', async () => {
    const { post } = openInProcess()

    await post(ALIAS, { user_id: 'user_1', anonymous_id: 'anon' })
    const response = await post(ALIAS, { user_id: 'user_1', anonymous_id: 'anon' })

    expect(response.status).toBe(200)
  })

  it('follows chains and refuses circles', async () => {
    const { post } = openInProcess()

    const statuses: number[] = []
    for (const [previous_id, user_id] of [
      ['a', 'b'],
      ['b', 'c'],
      ['a', 'c'],
      ['c', 'a'],
    ]) {
      statuses.push((await post(ALIAS, { user_id, previous_id })).status)
    }

    expect(statuses).toEqual([200, 200, 200, 409])
  })
})

describe('the erase endpoint', () => {
  const erase = (id: string) => `/v1/profiles/${encodeURIComponent(id)}/erase`
  const REASON = { reason: 'gdpr_dsr' }

  it('counts what it will erase, over merged ids', async () => {
    const { ingest, post } = openInProcess({ now: () => NOW })
    await post(BATCH, {
      events: [
        { event: 'a', anonymous_id: 'anon' },
        { event: 'b', external_id: 'a/b é' },
        { event: 'c', external_id: 'someone_else' },
      ],
    })
    await post(ALIAS, { user_id: 'a/b é', anonymous_id: 'anon' })

    const response = await post(erase('a/b é'), { ...REASON, request_id: 'r1' })

    const erasure = {
      erasure_id: expect.stringMatching(/^era_[0-9a-f]+$/),
      profiles_targeted: 1,
      events_targeted: 2,
      completes_by: '2026-06-15T07:00:00.000Z',
    }
    expect(response.status).toBe(202)
    expect(await response.json()).toEqual(erasure)
    expect(ingest.erasures).toEqual([{ id: 'a/b é', reason: 'gdpr_dsr', ...erasure }])
  })

  it('counts every profile that shares an anonymous id', async () => {
    const { post } = openInProcess()
    await post(BATCH, {
      events: [
        { event: 'a', anonymous_id: 'shared', external_id: 'u1' },
        { event: 'b', anonymous_id: 'shared', external_id: 'u2' },
      ],
    })

    const response = await post(erase('shared'), REASON)

    expect(await response.json()).toMatchObject({ profiles_targeted: 2, events_targeted: 2 })
  })

  it('finds an id that only an alias named', async () => {
    const { post } = openInProcess()
    await post(ALIAS, { user_id: 'u', previous_id: 'p' })

    const response = await post(erase('p'), REASON)

    expect(await response.json()).toMatchObject({ profiles_targeted: 1, events_targeted: 0 })
  })

  it('does not know an id that was never stored', async () => {
    const { post } = openInProcess()

    const response = await post(erase('nobody'), REASON)

    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ error: 'not_found' })
  })

  it.each([{}, { reason: 'because' }, { reason: 1 }, { reason: 'internal', why: 'x' }, [], 'null'])(
    'refuses %o',
    async (body) => {
      const { post } = openInProcess()
      await post(BATCH, { events: [{ event: 'a', external_id: 'u' }] })

      const response = await post(erase('u'), body)

      expect(response.status).toBe(400)
    },
  )

  it('takes one erasure at a time, unless the key says that it is the same one', async () => {
    const { ingest, post } = openInProcess()
    await post(BATCH, { events: [{ event: 'a', external_id: 'u' }] })
    const keyed = (digit: number) => ({ headers: { 'x-idempotency-key': uuid(digit) } })

    const first = await post(erase('u'), REASON, keyed(1))
    const replay = await post(erase('u'), REASON, keyed(1))
    const others = [await post(erase('u'), REASON, keyed(2)), await post(erase('u'), REASON)]

    expect(await replay.text()).toBe(await first.text())
    expect(others.map(({ status }) => status)).toEqual([409, 409])
    expect(await others[0]?.json()).toMatchObject({ error: 'erasure_in_progress' })
    expect(ingest.erasures).toHaveLength(1)
  })
})
