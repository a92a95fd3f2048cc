import { anonymousIdFromCookie } from '@getfluxly/node/vercel'
import { cookies } from 'next/headers'
import { notFound } from 'next/navigation'
import { gflux } from '../../lib/gflux'
import { joinNewsletter } from './actions'

/** A page rendered for each request. Nothing has to be wrapped: `track()` holds the request by itself. */
export default async function Checkout({ searchParams }: { searchParams: Promise<{ order?: string }> }) {
  const anonymousId = anonymousIdFromCookie(await cookies(), 'gflux_anonymous_id') ?? 'anon_unknown'
  await gflux.track('page_rendered', { anonymousId, properties: { path: '/checkout' } })
  const { order } = await searchParams
  if (order === 'unknown') notFound()
  return (
    <form action={joinNewsletter}>
      <input name="plan" defaultValue="pro" />
      <button type="submit">Join the newsletter</button>
    </form>
  )
}
