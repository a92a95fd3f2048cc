import { runInNewContext } from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import { openClient, PERSONAL, untyped } from '../../support/client.ts'
import { type BadCall, expectRefused } from './refusal.ts'

describe('a bad timestamp', () => {
  it.each<BadCall>(
    [
      new Date(Number.NaN),
      new Date(8.64e15),
      new Date(-8.64e15),
      '',
      'yesterday',
      PERSONAL,
      '2026-13-01',
      '2026-00-10',
      '2026-02-30',
      '2026-04-31T10:00:00Z',
      '2026-01-01T25:00:00Z',
      '2026-01-01T10:61:00Z',
      '2026-01-01T10:00:00 or so',
      '2026-01-01 10:00 PM',
      '01/02/2026',
      'Thu, 01 Jan 2026 00:00:00 GMT',
      1_767_225_600_000,
      null,
      true,
      {},
      [2026, 1, 1],
    ].map((timestamp) => [
      String(timestamp),
      'timestamp',
      (gflux) => gflux.track('opened', untyped({ userId: 'user_1', timestamp })),
    ]),
  )('is refused: %s', async (...call) => {
    await expectRefused(call)
  })
})

describe('a timestamp', () => {
  it.each([
    [new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6)), '2026-01-02T03:04:05.006Z'],
    [runInNewContext('new Date(Date.UTC(2026, 0, 2))'), '2026-01-02T00:00:00.000Z'],
    ['2026-01-02', '2026-01-02T00:00:00.000Z'],
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02T03:04:05.678+02:00', '2026-01-02T01:04:05.678Z'],
    ['2026-01-02 03:04:05.5+02', '2026-01-02T01:04:05.500Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('%s travels as %s', async (timestamp, sent) => {
    const { gflux, ingest } = openClient()

    await gflux.track('opened', { userId: 'user_1', timestamp })
    await gflux.identify({ userId: 'user_1', anonymousId: 'anon_1', timestamp })
    await gflux.flush()

    expect(ingest.events).toMatchObject([{ timestamp: sent }, { timestamp: sent }])
  })

  it('is by default the time of the call, not of the flush', async () => {
    const { gflux, ingest } = openClient()

    const before = Date.now()
    await gflux.track('opened', { userId: 'user_1' })
    const after = Date.now()
    while (Date.now() === after);
    await gflux.flush()

    const sentAt = Date.parse(ingest.events[0]?.timestamp ?? '')
    expect(sentAt).toBeGreaterThanOrEqual(before)
    expect(sentAt).toBeLessThanOrEqual(after)
  })
})

it('is left to the API where there is no clock, as in the global scope of Workers', async () => {
  const clock = vi.spyOn(Date, 'now').mockReturnValue(0)
  try {
    const { gflux, ingest } = openClient({ beforeSend: (event) => event })
    void gflux.track('opened', { userId: 'user_1' })
    clock.mockRestore()

    expect(await gflux.flush()).toMatchObject({ accepted: 1 })
    expect(ingest.events[0]).not.toHaveProperty('timestamp')
  } finally {
    clock.mockRestore()
  }
})
