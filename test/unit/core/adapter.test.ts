import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { deliveryOf } from '../../../src/adapter.ts'
import { openClient, TOKEN } from '../../support/client.ts'

it('an adapter gets at the logger of a client, bound or not, and of nothing else', () => {
  const { gflux, logged } = openClient()

  for (const client of [gflux, gflux.with({ userId: 'user_1' }), { flush: gflux.flush }])
    deliveryOf(client)?.log.debug('from outside')

  expect(logged).toEqual(['GFlux: from outside {}', 'GFlux: from outside {}'])
})

it('a client that is logged shows no token, bound or not', () => {
  const { gflux } = openClient()

  for (const client of [gflux, gflux.with({ userId: 'user_1' })]) {
    expect(inspect({ client }, { depth: 10 })).not.toContain(TOKEN)
    expect(JSON.stringify({ ...client })).not.toContain(TOKEN)
  }
})
