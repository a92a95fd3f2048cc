import { withGFlux } from '@getfluxly/node/vercel'
import { type NextFetchEvent, type NextRequest, NextResponse } from 'next/server'
import { gflux } from './lib/gflux'

/** Runs before the request is routed. Up to Next 15 the file is called middleware.ts. */
export default withGFlux(gflux, async (request: NextRequest, _event: NextFetchEvent) => {
  const { pathname, searchParams } = request.nextUrl
  await gflux.track('request_seen', { userId: 'user_123', properties: { path: pathname } })
  if (searchParams.has('fail')) throw new Error('The proxy failed')
  return NextResponse.next()
})

export const config = { matcher: '/guarded/:path*' }
