import { gflux } from '../lib/gflux'

/** A static page: it is rendered during the build, which emits nothing. */
export default async function Home() {
  await gflux.track('page_rendered', { userId: 'user_123', properties: { path: '/' } })
  return <a href="/checkout">Checkout</a>
}
