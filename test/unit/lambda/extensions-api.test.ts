import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { ExtensionsApi } from '../../../adapters/lambda/extensions-api.ts'

it('the Extensions API is asked with what keeps X-Ray from tracing the freeze', async () => {
  const seen: unknown[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers['x-amzn-trace-id'])
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  await new ExtensionsApi(`127.0.0.1:${(server.address() as AddressInfo).port}`).next('id')
  server.closeAllConnections()
  server.close()

  expect(seen).toEqual(['Sampled=0'])
})
