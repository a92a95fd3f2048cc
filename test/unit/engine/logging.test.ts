import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Fate } from '../../support/virtual-api.ts'
import { openVirtual, rejection, TOKEN, type VirtualClient } from '../../support/virtual-client.ts'

describe('the logger', () => {
  it('what is told of one error hides no other', async () => {
    const { gflux, clock, logged } = openVirtual()
    for (const name of ['Bad Name', 'Another One', 'opened']) void gflux.track(name, {})
    void gflux.track('opened', { userId: '' })

    await clock.settle()

    expect(logged.map(({ context }) => context?.['error'])).toEqual([
      expect.stringContaining('`event`'),
      expect.stringContaining('`anonymousId or userId`'),
      expect.stringContaining('`userId`'),
    ])
  })

  it('hears which call was refused, and of which event, but for a name that is none', async () => {
    const { gflux, clock, logged } = openVirtual()
    for (const name of ['Jane Doe', 'opened']) void gflux.track(name, {})
    void gflux.identify({ userId: 'u' })

    await clock.settle()

    expect(logged.map(({ message, context }) => [message, context?.['event']])).toEqual([
      ['GFlux: track() was refused: validation_error', undefined],
      ['GFlux: track() was refused: validation_error', 'opened'],
      ['GFlux: identify() was refused: validation_error', undefined],
    ])
  })

  it('hears where a call stands whose input was refused', async () => {
    const { gflux, clock, logged } = openVirtual()
    void gflux.track('Jane Doe', {})

    await clock.settle()

    expect(logged[0]?.context?.['stack']).toContain('logging.test.ts')
  })

  it('hears of each retry as debug, and of the end of them as one warning', async () => {
    const client = openVirtual({ maxRetries: 2 })
    client.api.otherwise = () => ({ gets: 503 })
    client.track(3)

    await rejection(client.clock, client.gflux.flush())

    expect(levels(client)).toEqual(['debug', 'debug', 'warn'])
    expect(client.logged[0]?.context).toMatchObject({ code: 'http_5xx', status: 503, events: 3 })
  })

  it.each([{ gets: 401 }, { gets: 400 }])('hears of a refused batch as one warning: %o', async (fate) => {
    const client = openVirtual({}, fate)
    client.track(3)

    await rejection(client.clock, client.gflux.flush())

    expect(levels(client)).toEqual(['warn'])
  })

  it('hears of rejected events as one warning', async () => {
    const client = openVirtual()
    client.api.isBad = () => true
    client.track(3)

    await client.clock.outcome(client.gflux.flush())

    expect(levels(client)).toEqual(['warn'])
    expect(client.logged[0]?.message).toBe('GFlux: The API rejected events: validation_error')
    expect(client.logged[0]?.context).toMatchObject({ events: 3 })
  })

  it('hears of a warning once, not a hundred times, and again after ten seconds', async () => {
    const client = openVirtual({ maxQueueSize: 1 }, { gets: 'hang' })
    const { clock, track } = client
    track(101)
    await clock.settle()
    const first = levels(client).filter((level) => level === 'warn').length
    await clock.advance(10_000)

    track(100)
    await clock.settle()

    const refusals = client.logged.filter(({ message }) => message.includes('queue_overflow'))
    expect(first).toBe(1)
    expect(refusals).toHaveLength(2)
  })

  it('hears at the client’s end of what was held back', async () => {
    const { gflux, clock, logged, track } = openVirtual({ maxQueueSize: 1 })
    track(101)

    await clock.outcome(gflux.shutdown())

    const refusals = logged.filter(({ message }) => message.includes('queue_overflow'))
    expect(refusals.map(({ context }) => [context?.['event'], context?.['suppressed']])).toEqual([
      ['e2', undefined],
      ['e101', 98],
    ])
  })

  it('hears how often a warning was held back', async () => {
    const client = openVirtual({ flushAt: 10 })
    client.api.otherwise = () => ({ gets: 400 })
    for (let n = 0; n < 10; n++) {
      client.track(10)
      await client.clock.advance(30)
    }
    await client.clock.advance(10_000)

    client.track(10)
    await client.clock.drain()

    expect(client.logged.map(({ context }) => context)).toMatchObject([
      { events: 10 },
      { events: 10, suppressed: 9 },
    ])
    expect(client.dropped).toHaveLength(11)
  })

  it.each<[string, Fate, number | undefined]>([
    ['the budget is spent on an API that hangs', { gets: 'hang' }, 200],
    ['the budget is spent on retries', { gets: 503 }, 200],
  ])('hears of events that a shutdown leaves behind since %s', async (_title, fate, timeoutMs) => {
    const client = openVirtual()
    client.api.otherwise = () => fate
    client.track(2)

    const result = await client.clock.outcome(client.gflux.shutdown({ timeoutMs }))

    expect(result).toMatchObject({ pending: 2 })
    expect(client.logged.filter(({ level }) => level === 'warn')).toMatchObject([{ context: { pending: 2 } }])
  })

  it('hears nothing while all is well', async () => {
    const client = openVirtual()
    client.track(120)

    await client.clock.outcome(client.gflux.flush())

    expect(client.logged).toEqual([])
  })

  it.each([
    () => {
      throw new Error('mine')
    },
    () => Promise.reject(new Error('mine')),
  ])('may throw or reject: delivery goes on', async (fail) => {
    const { gflux, clock, track } = openVirtual(
      { logger: { debug: fail, warn: fail } },
      { gets: 503 },
      { gets: 401 },
    )
    track(70)

    const error = await rejection(clock, gflux.flush())

    expect(error.result).toMatchObject({ pending: 0 })
  })
})

describe('the token', () => {
  const echoes: Fate[] = [
    ...[400, 401, 403, 413, 429, 500, 502, 503].flatMap((gets) => [
      { gets, body: `bad token ${TOKEN}` },
      { gets, body: { error: 'nope', detail: `Bearer ${TOKEN}` } },
    ]),
    { gets: 302, body: TOKEN },
    { gets: 'reset' },
    { gets: 'hang' },
    { gets: 'truncated' },
    { gets: 'not-json' },
  ]

  it.each(echoes)('is in no log, error or drop when the API echoes it: %o', async (fate) => {
    const { gflux, clock, api, track, logged, dropped } = openVirtual({ maxRetries: 1, timeoutMs: 500 })
    api.otherwise = () => fate
    const errors: unknown[] = []
    const keep = (error: unknown): void => {
      errors.push(error)
    }
    track(2)

    await clock.outcome(gflux.flush().catch(keep))
    await clock.outcome(gflux.alias({ userId: 'u', anonymousId: 'a' }).catch(keep))
    await clock.outcome(gflux.shutdown({ timeoutMs: 100 }).catch(keep))
    await clock.outcome(gflux.track('late', { userId: 'u' }).catch(keep))

    expect(errors.length).toBeGreaterThan(0)
    expect(api.calls.length).toBeGreaterThan(0)
    expect(reveal([errors, logged, dropped, api.calls.map(({ path }) => path)])).not.toContain(TOKEN)
  })

  it('is not in what an error prints as JSON either', async () => {
    const { gflux, clock, track } = openVirtual({}, { gets: 401, body: { error: 'nope', token: TOKEN } })
    track(1)

    const error = await rejection(clock, gflux.flush())

    expect(JSON.stringify(error) + String(error) + error.stack).not.toContain(TOKEN)
  })
})

/** Everything in there, also what is hidden. */
function reveal(value: unknown): string {
  return inspect(value, { depth: Infinity, showHidden: true, maxStringLength: Infinity })
}

function levels({ logged }: VirtualClient): string[] {
  return logged.map(({ level }) => level)
}
