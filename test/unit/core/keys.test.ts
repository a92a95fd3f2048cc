import { describe, expect, it } from 'vitest'
import { openClient, untyped } from '../../support/client.ts'

/** Own keys, as JSON from outside brings them. */
const hostile = (): Record<string, unknown> =>
  JSON.parse(
    '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}},"prototype":1,"plan":"pro"}',
  )

function expectUntouched(...objects: object[]): void {
  for (const object of objects) expect('isAdmin' in object).toBe(false)
  expect('isAdmin' in {}).toBe(false)
  expect('isAdmin' in Object).toBe(false)
  expect(Object.getPrototypeOf({})).toBe(Object.prototype)
}

describe('__proto__ and constructor as keys', () => {
  it.each<[where: string, send: (gflux: ReturnType<typeof openClient>['gflux']) => Promise<unknown>]>([
    ['properties', (gflux) => gflux.track('opened', { userId: 'user_1', properties: hostile() })],
    ['context', (gflux) => gflux.track('opened', { userId: 'user_1', context: hostile() })],
    ['traits', (gflux) => gflux.identify({ userId: 'user_1', anonymousId: 'anon_1', traits: hostile() })],
    ['bound context', (gflux) => gflux.with({ context: hostile() }).track('opened', { userId: 'user_1' })],
  ])('travel as data: %s', async (where, send) => {
    const bodies: string[] = []
    const { gflux } = openClient({
      fetch: async (_url, { body }) => {
        bodies.push(body)
        return Response.json({ accepted: 1, rejected: 0 }, { status: 202 })
      },
    })

    await send(gflux)
    await gflux.flush()

    const [event] = JSON.parse(bodies[0] ?? '').events
    const received = {
      properties: event.properties,
      traits: event.properties?.traits,
      context: event.context,
    }[where.replace('bound ', '')]
    expect(JSON.stringify(received)).toContain(JSON.stringify(hostile()).slice(1, -1))
    expectUntouched(event, gflux)
  })

  it('travel as data: defaultContext', async () => {
    const { gflux, ingest } = openClient({ defaultContext: hostile() })

    await gflux.track('opened', { userId: 'user_1' })
    await gflux.flush()

    expect(JSON.stringify(ingest.events[0]?.context)).toContain(JSON.stringify(hostile()).slice(1, -1))
    expectUntouched(gflux)
  })

  it('survive beforeSend', async () => {
    const { gflux, ingest } = openClient({ beforeSend: (event) => ({ ...event }) })

    await gflux.track('opened', { userId: 'user_1', properties: hostile() })
    await gflux.flush()

    expect(JSON.stringify(ingest.events[0]?.properties)).toBe(JSON.stringify(hostile()))
  })

  it('set no option, no input and no binding', async () => {
    const options = JSON.parse('{"__proto__":{"flushAt":1}}')
    const input = JSON.parse('{"__proto__":{"userId":"user_9"},"anonymousId":"anon_1"}')
    const { gflux, ingest } = openClient(options)

    const queued = await gflux
      .with(untyped(JSON.parse('{"__proto__":{"userId":"user_9"}}')))
      .track('opened', input)
    await gflux.flush()

    expect(queued).toBeNull()
    expect(ingest.events[0]).not.toHaveProperty('external_id')
  })

  it('are no way for input to set what the client sets', async () => {
    const { gflux, ingest } = openClient()
    const input = {
      userId: 'user_1',
      name: 'other',
      event: 'other',
      contexts: [{}, {}],
      nowMs: 0,
      user_id: 'x',
    }

    await gflux.track('opened', untyped(input))
    await gflux.flush()

    expect(ingest.stats).toMatchObject({ stored: 1, rejected: 0 })
    expect(ingest.events[0]).toMatchObject({ event: 'opened', context: { library: expect.any(String) } })
    expect(ingest.events[0]?.timestamp).not.toContain('1970')
  })
})
