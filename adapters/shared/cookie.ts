/** https://www.rfc-editor.org/rfc/rfc6265#section-4.2.1 */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  const pair = header?.split(/; */).find((each) => each.startsWith(`${name}=`))
  const value = pair?.slice(name.length + 1).replace(/^"(.*)"$/, '$1')
  try {
    return value && decodeURIComponent(value)
  } catch {
    return value // no escapes, then, but a plain percent sign
  }
}
