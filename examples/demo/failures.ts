import type { Failure, TestIngest } from '@getfluxly/node/testing'

/** What goes wrong, by the name the report gives it. */
const KINDS: Readonly<Record<string, Failure>> = {
  'status 503': { status: 503 },
  'status 429 with Retry-After': { status: 429, retryAfter: 1 },
  'status 500': { status: 500 },
  'answer delayed by 200 ms': { delayMs: 200 },
  'no answer, until the timeout': { hang: true },
  'connection reset before storing': { reset: 'before' },
  'connection reset after storing': { reset: 'after' },
  'body truncated after storing': { body: 'truncated' },
  'body is not JSON after storing': { body: 'not-json' },
  'redirect to somewhere else': { redirect: '/elsewhere' },
}

/** More than the demo needs: they last for 1,000 requests. */
const PLANNED_FAILURES = 200

/**
 * Makes every fifth request fail, each time in the next way. Returns what counts how often each kind struck.
 *
 * A failure does not see requests that an earlier one struck: of each five requests, four. The one that is to strike
 * request 5, 10, 15, … therefore waits for the 5th, 9th, 13th, … that it sees.
 */
export function failOneInFive(ingest: TestIngest): () => Map<string, number> {
  const kinds = Object.entries(KINDS)
  const nameOf = new Map<Failure, string>()
  for (let index = 0; index < PLANNED_FAILURES; index++) {
    const [name, kind] = kinds[index % kinds.length] as [string, Failure]
    const failure: Failure = { ...kind, every: 4 * index + 5, times: 1 }
    nameOf.set(failure, name)
    ingest.fail(failure)
  }

  return () => {
    const strikes = new Map(kinds.map(([name]) => [name, 0]))
    for (const { failure } of ingest.requests) {
      const name = failure && nameOf.get(failure)
      if (name !== undefined) strikes.set(name, (strikes.get(name) ?? 0) + 1)
    }
    return strikes
  }
}
