import { describe, expect, it } from 'vitest'
import { BATCH, batch, openInProcess } from './doors.ts'

describe('authorization', () => {
  it.each([
    '',
    'gflux_secret_x',
    'Basic gflux_secret_x',
    'Bearer',
    'Bearer gflux_secret_',
    'Bearer gflux_x',
    'Bearer gflux_pub_ a',
  ])('refuses `Authorization: %s` as unauthenticated', async (authorization) => {
    const { ingest, post } = openInProcess()

    const response = await post(BATCH, batch('signed_up'), { headers: { authorization } })

    expect(response.status).toBe(401)
    expect(await response.json()).toEqual({ error: 'unauthenticated', detail: expect.any(String) })
    expect(ingest.events).toEqual([])
  })

  it.each(['gflux_pub_a', 'gflux_secret_a'])('takes events with %s', async (key) => {
    const { post } = openInProcess()

    const response = await post(BATCH, batch('signed_up'), { headers: { authorization: `Bearer ${key}` } })

    expect(response.status).toBe(202)
  })

  it('takes the key from the query where the header is absent', async () => {
    const { ingest } = openInProcess()

    const response = await ingest.fetch(`https://api.getfluxly.com${BATCH}?api_key=gflux_pub_a`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(batch('signed_up')),
    })

    expect(response.status).toBe(202)
    expect(ingest.requests[0]).toMatchObject({ path: BATCH, keyKind: 'publishable' })
  })

  it.each(['/v1/identify/alias', '/v1/profiles/user_42/erase'])(
    'refuses a publishable key at %s',
    async (path) => {
      const { post } = openInProcess()

      const response = await post(path, {}, { headers: { authorization: 'Bearer gflux_pub_a' } })

      expect(response.status).toBe(403)
      expect(await response.json()).toEqual({
        error: 'wrong_key_type',
        detail: expect.any(String),
        received: 'publishable',
      })
    },
  )

  it('keeps no key in its records', async () => {
    const { ingest, post } = openInProcess()

    await post(BATCH, batch('signed_up'))
    await post(`${BATCH}?api_key=gflux_secret_test`, batch('signed_up'))

    expect(JSON.stringify(ingest.requests)).not.toContain('gflux_secret_test')
    expect(ingest.requests[0]).toMatchObject({ keyKind: 'secret' })
  })
})
