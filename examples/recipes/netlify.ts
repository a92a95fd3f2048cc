import { flushAfter } from '@getfluxly/node'
import { gflux, placeOrder } from './client.ts'

/** `Context` of `@netlify/functions` and `@netlify/edge-functions`. */
interface Context {
  waitUntil(promise: Promise<unknown>): void
}

// The events leave after the response: https://docs.netlify.com/build/functions/api/#netlify-specific-context-object
export default (request: Request, context: Context): Promise<Response> =>
  flushAfter(gflux, () => respond(request), { waitUntil: (promise) => context.waitUntil(promise) })

async function respond(request: Request): Promise<Response> {
  return Response.json(await placeOrder(new URL(request.url).searchParams.get('id') ?? ''))
}
