import { createServer, type IncomingHttpHeaders } from 'node:http'
import { describe, expect, it } from 'vitest'
import { errorOf } from '../../support/client.ts'
import { openIngest, trackMany } from '../../support/http.ts'

/** A server that notes what it is asked. */
async function openTrap() {
  const seen: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers)
    response.end('{"accepted":1,"rejected":0}')
  })
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()))
  return { url: `http://127.0.0.1:${port}/v1/events/batch`, seen, [Symbol.asyncDispose]: close }
}

describe('a redirect', () => {
  it.each([301, 302, 307, 308] as const)('%i is not followed, to wherever it leads', async (status) => {
    await using trap = await openTrap()
    await using http = await openIngest()
    const gflux = http.connect({ maxRetries: 0 })
    await trackMany(gflux, 1)
    http.ingest.fail({ redirect: trap.url, status, times: 2 })

    const flush = await errorOf(() => gflux.flush())
    const alias = await errorOf(() => gflux.alias({ userId: 'user_1', anonymousId: 'anon_1' }))

    expect(flush).toMatchObject({ code: 'invalid_response', status, result: { pending: 1 } })
    expect(alias).toMatchObject({ code: 'invalid_response', status })
    expect(trap.seen).toEqual([])
    expect(http.ingest.requests.map(({ path }) => path)).toEqual(['/v1/events/batch', '/v1/identify/alias'])
  })
})
