import { flushAfter, initGFluxNode } from '@getfluxly/node'

/** Of `@fastly/js-compute`. */
interface FetchEvent {
  readonly request: Request
  respondWith(response: Promise<Response>): void
  waitUntil(promise: Promise<unknown>): void
}
declare function addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void

/** Every request of Fastly names a backend of the service. */
function fetchBackend(url: string, init: object): Promise<Response> {
  return fetch(url, { ...init, backend: 'gflux' } as RequestInit)
}

// `waitUntil` has to be called before the listener returns, which `flushAfter` does.
// https://js-compute-reference-docs.edgecompute.app/docs/globals/FetchEvent/prototype/waitUntil
addEventListener('fetch', (event) => {
  const gflux = initGFluxNode({ token: 'gflux_secret_from_a_secret_store', fetch: fetchBackend })
  const waitUntil = (promise: Promise<unknown>): void => event.waitUntil(promise)
  const respond = async (): Promise<Response> => {
    const id = new URL(event.request.url).searchParams.get('id')
    void gflux.track('order_placed', { userId: 'user_123', properties: { order_id: id } })
    return Response.json({ orderId: id })
  }
  event.respondWith(flushAfter(gflux, () => respond(), { waitUntil }))
})
