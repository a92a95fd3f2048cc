import { describe, expect, it } from 'vitest'
import { openClient, untyped } from '../../support/client.ts'
import { expectRefused } from './refusal.ts'

const limit = 32 * 1024
const timestamp = '2026-01-02T03:04:05.006Z'

/** Tracks an event whose only property is the text. */
function track(gflux: ReturnType<typeof openClient>['gflux'], text: string): Promise<unknown> {
  return gflux.track('opened', { userId: 'user_1', timestamp, properties: { text } })
}

/** The bytes of such an event beside its text. */
async function measureFrame(): Promise<number> {
  const { gflux, ingest } = openClient()
  await track(gflux, '')
  await gflux.flush()
  return Buffer.byteLength(JSON.stringify(ingest.events[0]))
}

describe('the size of an event', () => {
  it.each([
    ['one-byte', 'a', 1],
    ['two-byte', 'é', 2],
    ['three-byte', '語', 3],
    ['four-byte', '😀', 4],
  ])(
    'is counted in UTF-8: %s characters up to 32 KB pass, one more does not',
    async (_what, character, bytes) => {
      const frame = await measureFrame()
      const count = Math.floor((limit - frame) / bytes)
      const { gflux, ingest } = openClient()

      await track(gflux, character.repeat(count))
      await gflux.flush()

      expect(ingest.stats).toMatchObject({ stored: 1, rejected: 0 })
      await expectRefused(['one more', 'event', (client) => track(client, character.repeat(count + 1))])
    },
  )

  it('is over the limit with 11,000 three-byte characters, though there are far fewer than 32 K', async () => {
    await expectRefused(['語', 'event', (gflux) => track(gflux, '語'.repeat(11_000))])
  })

  it('counts escapes: 6,000 control characters take six bytes each', async () => {
    await expectRefused(['control', 'event', (gflux) => track(gflux, '\u0001'.repeat(6_000))])
  })

  it('counts a lone surrogate as JSON writes it', async () => {
    await expectRefused(['lone', 'event', (gflux) => track(gflux, '\ud800'.repeat(6_000))])
  })

  it('counts context too', async () => {
    const context = { text: 'x'.repeat(limit) }

    await expectRefused([
      'context',
      'event',
      (gflux) => gflux.track('opened', untyped({ userId: 'user_1', context })),
    ])
  })

  it('is what beforeSend leaves of it', async () => {
    const { gflux, ingest } = openClient({ beforeSend: (event) => ({ ...event, properties: {} }) })

    await track(gflux, 'x'.repeat(limit))
    await gflux.flush()

    expect(ingest.stats).toMatchObject({ stored: 1, rejected: 0 })
  })
})
