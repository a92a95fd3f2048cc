import { describe, expect, it } from 'vitest'
import { errorOf, openClient, untyped } from '../../support/client.ts'

describe('a defaultContext that is a function', () => {
  it('is asked at each event, also of a bound client, and not before', async () => {
    let asked = 0
    const { gflux, ingest } = openClient({ defaultContext: () => ({ asked: ++asked, from: 'default' }) })
    const bound = gflux.with({ context: { from: 'binding' } })
    expect(asked).toBe(0)

    await gflux.track('first', { userId: 'user_1' })
    await bound.track('second', { userId: 'user_1' })
    await bound.track('third', { userId: 'user_1', context: { from: 'call' } })
    await gflux.flush()

    expect(ingest.events.map(({ context }) => context)).toMatchObject([
      { asked: 1, from: 'default', runtime: 'node' },
      { asked: 2, from: 'binding', runtime: 'node' },
      { asked: 3, from: 'call', runtime: 'node' },
    ])
  })

  it.each([
    ['gives no object', () => untyped('text')],
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
  ])('that %s refuses the event', async (_title, defaultContext) => {
    const { gflux } = openClient({ defaultContext })

    const { code } = await errorOf(() => gflux.track('opened', { userId: 'user_1' }))

    expect(code).toBe('validation_error')
  })
})
