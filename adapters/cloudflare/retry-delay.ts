/** When another attempt makes sense: 1 s after the first, 15 minutes at most, so that 100 attempts take a day. */
export function retryDelayMs(attempts: number, retryAfterMs: number): number {
  return Math.max(retryAfterMs, Math.min(900_000, 1000 * 2 ** (attempts - 1)))
}
