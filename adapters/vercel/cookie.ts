import { cookieOf } from '../shared/cookie.ts'
import { type HeaderSource, headerOf } from './header.ts'

/** Cookies as Next's `cookies()` resolves to them, and as a `NextRequest` has them. */
export interface CookieStore {
  get(name: string): { readonly value: string } | undefined
}

/**
 * The browser SDK's id of a device, from its cookie: events of the server then belong to the visit that caused them.
 *
 * @param source A web request, a Node request, or what Next's `cookies()` resolves to.
 * @param name The cookie's name.
 * @returns `undefined` where there is no request, or it has no such cookie, or an empty one. Never throws.
 *
 * @example
 * ```ts
 * gflux.track('order_placed', { anonymousId: anonymousIdFromCookie(request, 'gflux_anonymous_id') })
 * gflux.track('page_rendered', { anonymousId: anonymousIdFromCookie(await cookies(), 'gflux_anonymous_id') })
 * ```
 */
export function anonymousIdFromCookie(
  source: HeaderSource | CookieStore | null | undefined,
  name: string,
): string | undefined {
  if (!source) return undefined
  try {
    const value = isStore(source) ? source.get(name)?.value : cookieOf(headerOf(source, 'cookie'), name)
    return value?.trim() || undefined
  } catch {
    return undefined // an event without it is worth more than no response
  }
}

/** Requests of Express have a `get` too, for headers. */
function isStore(source: HeaderSource | CookieStore): source is CookieStore {
  return !('headers' in source) && 'get' in source
}
