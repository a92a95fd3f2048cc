import { describe, expect, it } from 'vitest'
import { openClient, PERSONAL, PERSONAL_NUMBER, untyped } from '../../support/client.ts'
import { type BadCall, expectRefused } from './refusal.ts'

describe('a bad event name', () => {
  it.each<BadCall>(
    [
      '',
      ' ',
      'a'.repeat(65),
      'invoicePaid',
      'Invoice',
      'invoice-paid',
      'invoice paid',
      'invoice.paid',
      '_invoice',
      'invoice_',
      'invoice__paid',
      '1st_invoice',
      'invoicé',
      'invoice_paid\n',
      PERSONAL,
      undefined,
      null,
      42,
      ['invoice_paid'],
      { name: 'invoice_paid' },
    ].map((name) => [
      JSON.stringify(name) ?? 'undefined',
      'event',
      (gflux) => gflux.track(untyped(name), { userId: 'user_1' }),
    ]),
  )('is refused: %s', async (...call) => {
    await expectRefused(call)
  })

  it.each(['a', 'a1', 'invoice_paid', 'v2_signup_3', 'a'.repeat(64)])('is none: %s', async (name) => {
    const { gflux, ingest } = openClient()

    await gflux.track(name, { userId: 'user_1' })
    await gflux.flush()

    expect(ingest.events).toMatchObject([{ event: name }])
  })
})

describe('a bad identity', () => {
  const ids = ['', '   ', PERSONAL_NUMBER, true, null, {}, [PERSONAL], Symbol('id'), () => PERSONAL]

  it.each<BadCall>([
    ['no input', 'userId', (gflux) => gflux.track('opened')],
    ['no id', 'userId', (gflux) => gflux.track('opened', { properties: { email: PERSONAL } })],
    [
      'undefined ids',
      'userId',
      (gflux) => gflux.track('opened', { userId: undefined, anonymousId: undefined }),
    ],
    [
      'userId and externalId that differ',
      'externalId',
      (gflux) => gflux.track('opened', { userId: PERSONAL, externalId: `${PERSONAL}.uk` }),
    ],
    ...(['userId', 'externalId', 'anonymousId'] as const).flatMap((field) =>
      ids.map(
        (id): BadCall => [
          `${String(id)} (${typeof id}) as ${field}`,
          field,
          (gflux) => gflux.track('opened', untyped({ userId: 'user_1', [field]: id })),
        ],
      ),
    ),
    ['identify without input', 'userId', (gflux) => gflux.identify(untyped(undefined))],
    ['identify without anonymousId', 'anonymousId', (gflux) => gflux.identify({ userId: PERSONAL })],
    ['identify without userId', 'userId', (gflux) => gflux.identify({ anonymousId: PERSONAL })],
    [
      'identify with ids that differ',
      'externalId',
      (gflux) => gflux.identify({ anonymousId: 'anon_1', userId: PERSONAL, externalId: 'user_2' }),
    ],
    ['a bound id that is no string', 'userId', (gflux) => gflux.with(untyped({ userId: PERSONAL_NUMBER }))],
    [
      'bound ids that differ',
      'externalId',
      (gflux) => gflux.with({ userId: PERSONAL, externalId: 'user_2' }),
    ],
    ['an empty bound id', 'anonymousId', (gflux) => gflux.with({ anonymousId: '' })],
    [
      'a bound id whose getter throws',
      'binding',
      (gflux) =>
        gflux.with({
          get userId(): string {
            throw new Error(PERSONAL)
          },
        }),
    ],
    ['a null binding', 'binding', (gflux) => gflux.with(untyped(null))],
    ['a bound context that is no object', 'context', (gflux) => gflux.with(untyped({ context: PERSONAL }))],
    ['a bound waitUntil that is no function', 'waitUntil', (gflux) => gflux.with(untyped({ waitUntil: {} }))],
  ])('is refused: %s', async (...call) => {
    await expectRefused(call)
  })

  it.each([
    [{ userId: 'user_1' }, { external_id: 'user_1' }],
    [{ externalId: 'user_1' }, { external_id: 'user_1' }],
    [{ userId: 'user_1', externalId: 'user_1' }, { external_id: 'user_1' }],
    [{ anonymousId: 'anon_1' }, { anonymous_id: 'anon_1' }],
    [
      { anonymousId: 'anon_1', userId: 'user_1' },
      { anonymous_id: 'anon_1', external_id: 'user_1' },
    ],
  ])('is none: %o', async (ids, sent) => {
    const { gflux, ingest } = openClient()

    await gflux.track('opened', ids)
    await gflux.flush()

    const { anonymous_id, external_id, user_id } = ingest.events[0] ?? {}
    expect(JSON.parse(JSON.stringify({ anonymous_id, external_id, user_id }))).toEqual(sent)
  })
})
