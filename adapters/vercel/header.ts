interface HeaderMap {
  get(name: string): string | null | undefined
}

/** A web request, a Node request, or Vercel's context of one. */
export interface HeaderSource {
  readonly headers?: HeaderMap | Readonly<Record<string, string | string[] | undefined>> | undefined
}

/** @param name in lower case */
export function headerOf({ headers }: HeaderSource, name: string): string | undefined {
  const value = isHeaderMap(headers) ? headers.get(name) : headers?.[name]
  return String(value ?? '') || undefined
}

function isHeaderMap(headers: HeaderSource['headers']): headers is HeaderMap {
  return typeof headers?.['get'] === 'function'
}
