import { expect, it } from 'vitest'
import { withGFlux } from '../../../adapters/cloudflare/index.ts'
import { errorOf, openClient, untyped } from '../../support/client.ts'

it.each<[title: string, args: unknown[], message: string]>([
  ['no client', [undefined, {}], 'Expected `config` to be a function or a client, got Undefined'],
  ['no handlers', [undefined], 'Expected `handlers` to be an object of handlers, or a class, got Undefined'],
  [
    'a bad limit',
    [{}, { timeoutMs: -1 }],
    'Expected `timeoutMs` to be a finite number, 0 or more, got `-1` (number)',
  ],
])('%s is refused, by its name', async (title, args, message) => {
  const { gflux } = openClient()
  const all = title === 'no client' ? args : [gflux, ...args]

  const error = await errorOf(() => withGFlux(...(untyped(all) as unknown as [never, never])))

  expect(error).toMatchObject({ code: 'validation_error', message })
})
