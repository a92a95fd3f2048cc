import { flushAfter } from '@getfluxly/node'
import { gflux, placeOrder } from './client.ts'

// Deno Deploy has no `waitUntil`, and may stop an instance when no request is left: the events leave before the
// response. `deno serve` runs it, too. https://docs.deno.com/deploy/reference/runtime/
export default {
  fetch: (request: Request): Promise<Response> =>
    flushAfter(gflux, () => respond(request), { timeoutMs: 5000 }),
}

async function respond(request: Request): Promise<Response> {
  return Response.json(await placeOrder(new URL(request.url).searchParams.get('id') ?? ''))
}
