import { describe, expect, it } from 'vitest'
import type { FetchInit } from '../../../src/index.ts'
import { openClient } from '../../support/client.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const timestamp = '2026-01-02T03:04:05.006Z'

/** What goes over the wire, as text; the idempotency key is checked and replaced, the release as well. */
function openWire() {
  const sent: string[] = []
  const { ingest } = openClient()
  const { gflux } = openClient({
    token: 'gflux_secret_wire',
    fetch: (url: string, { method, headers, body, redirect, signal }: FetchInit) => {
      const { origin, pathname, search, hash } = new URL(url)
      const lines = Object.entries(headers)
        .map(([name, value]) => `${name}: ${uuid.test(value) ? '<uuid>' : value}`)
        .sort()
      const text = body.replace(/gflux-node\/\d+\.\d+\.\d+/g, 'gflux-node/<version>')
      sent.push(
        [`${method} ${origin}${url.slice(origin.length)}`, `redirect: ${redirect}`, ...lines, '', text].join(
          '\n',
        ),
      )
      expect([search, hash, signal.aborted]).toEqual(['', '', false])
      expect(url).toContain(pathname)
      return ingest.fetch(url, { method, headers, body, redirect, signal })
    },
  })
  return { gflux, ingest, sent }
}

describe('on the wire', () => {
  it('track is a batch of events', async () => {
    const { gflux, sent } = openWire()

    await gflux.track('invoice_paid', { userId: 'user_123', timestamp, properties: { total_usd: 99.99 } })
    await gflux.track('page_seen', { anonymousId: 'anon_1', timestamp, context: { path: '/ü' } })
    await gflux.flush()

    expect(sent.join('\n\n')).toMatchInlineSnapshot(`
      "POST https://api.getfluxly.com/v1/events/batch
      redirect: manual
      authorization: Bearer gflux_secret_wire
      content-type: application/json
      x-idempotency-key: <uuid>

      {"events":[{"event":"invoice_paid","external_id":"user_123","properties":{"total_usd":99.99},"timestamp":"2026-01-02T03:04:05.006Z","context":{"library":"gflux-node/<version>","runtime":"node"}},{"event":"page_seen","anonymous_id":"anon_1","timestamp":"2026-01-02T03:04:05.006Z","context":{"path":"/ü","library":"gflux-node/<version>","runtime":"node"}}]}"
    `)
  })

  it('identify is an event with traits', async () => {
    const { gflux, sent } = openWire()

    await gflux.identify({ anonymousId: 'anon_abc', userId: 'user_123', timestamp, traits: { plan: 'pro' } })
    await gflux.flush()

    expect(sent.join('\n\n')).toMatchInlineSnapshot(`
      "POST https://api.getfluxly.com/v1/events/batch
      redirect: manual
      authorization: Bearer gflux_secret_wire
      content-type: application/json
      x-idempotency-key: <uuid>

      {"events":[{"event":"identify","anonymous_id":"anon_abc","external_id":"user_123","properties":{"traits":{"plan":"pro"}},"timestamp":"2026-01-02T03:04:05.006Z","context":{"library":"gflux-node/<version>","runtime":"node"}}]}"
    `)
  })

  it('identify without traits sends none', async () => {
    const { gflux, ingest } = openWire()

    await gflux.identify({ anonymousId: 'anon_abc', userId: 'user_123', timestamp })
    const result = await gflux.flush()

    expect(result).toMatchObject({ accepted: 1, rejected: 0 })
    expect(ingest.events).toMatchObject([{ event: 'identify', properties: { traits: {} } }])
  })

  it('alias is a call of its own', async () => {
    const { gflux, sent } = openWire()

    await gflux.alias({
      userId: 'user_123',
      anonymousId: 'anon_current',
      previousId: 'anon_old',
      requestId: 'r1',
    })
    await gflux.alias({ userId: 'user_123', previousId: 'anon_older' })

    expect(sent.join('\n\n')).toMatchInlineSnapshot(`
      "POST https://api.getfluxly.com/v1/identify/alias
      redirect: manual
      authorization: Bearer gflux_secret_wire
      content-type: application/json
      x-idempotency-key: <uuid>

      {"user_id":"user_123","anonymous_id":"anon_current","previous_id":"anon_old","request_id":"r1"}

      POST https://api.getfluxly.com/v1/identify/alias
      redirect: manual
      authorization: Bearer gflux_secret_wire
      content-type: application/json
      x-idempotency-key: <uuid>

      {"user_id":"user_123","previous_id":"anon_older"}"
    `)
  })

  it('erase names the profile in the path', async () => {
    const { gflux, sent } = openWire()
    await gflux.track('opened', { userId: 'user_123' })
    await gflux.flush()

    await gflux.erase({ id: 'user_123', reason: 'gdpr_dsr', requestId: 'r1' })

    expect(sent[1]).toMatchInlineSnapshot(`
      "POST https://api.getfluxly.com/v1/profiles/user_123/erase
      redirect: manual
      authorization: Bearer gflux_secret_wire
      content-type: application/json
      x-idempotency-key: <uuid>

      {"reason":"gdpr_dsr","request_id":"r1"}"
    `)
  })

  it.each(['a/b', 'a?b=c#d', '../alias', 'ü 😀', 'a%2Fb', '"\\\'', 'a\nb', '...', 'a+b&c'])(
    'erase reaches the profile %j',
    async (id) => {
      const { gflux, ingest } = openWire()
      await gflux.track('opened', { userId: id })
      await gflux.flush()

      const erasure = await gflux.erase({ id, reason: 'internal' })

      expect(erasure).toMatchObject({ events_targeted: 1 })
      expect(ingest.erasures).toMatchObject([{ id }])
    },
  )

  it('every batch and every call has a key of its own', async () => {
    const { gflux, ingest } = openWire()

    for (const plan of ['a', 'b', 'c']) {
      await gflux.track('opened', { userId: 'user_1', properties: { plan } })
      await gflux.flush()
      await gflux.alias({ userId: 'user_1', previousId: plan })
    }

    const keys = ingest.requests.map(({ idempotencyKey }) => idempotencyKey)
    expect(new Set(keys).size).toBe(6)
    for (const key of keys) expect(key).toMatch(uuid)
  })

  it('goes by way of an object with a fetch of its own, as its method', async () => {
    const { ingest } = openWire()
    const binding = {
      sent: 0,
      fetch(url: string, init: FetchInit) {
        this.sent += 1
        return ingest.fetch(url, init)
      },
    }
    const { gflux } = openClient({ fetch: binding })

    await gflux.track('opened', { userId: 'user_1' })
    await gflux.flush()

    expect(binding.sent).toBe(1)
    expect(ingest.events).toHaveLength(1)
  })
})
