/** `publishable`: `gflux_pub_…`, may only ingest. `secret`: `gflux_secret_…`, may also alias and erase. */
export type ApiKeyKind = 'publishable' | 'secret'

export interface ApiKey {
  readonly value: string
  readonly kind: ApiKeyKind
}

/** The key of a request: from `Authorization: Bearer …`, or from `?api_key=` where that header is absent. */
export function readApiKey(headers: Headers, query: URLSearchParams): ApiKey | undefined {
  const authorization = headers.get('authorization')
  const value = authorization === null ? query.get('api_key') : /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
  if (value == null) return undefined
  const kind = kindOf(value)
  return kind && { value, kind }
}

function kindOf(value: string): ApiKeyKind | undefined {
  if (/^gflux_pub_\S+$/.test(value)) return 'publishable'
  if (/^gflux_secret_\S+$/.test(value)) return 'secret'
  return undefined
}
