import { expect } from 'vitest'
import {
  errorOf,
  type OpenClient,
  openClient,
  PERSONAL,
  PERSONAL_NUMBER,
  TOKEN,
} from '../../support/client.ts'

type Gflux = OpenClient['gflux']

/** A call that must be refused, and the field its message has to name. */
export type BadCall = readonly [title: string, field: string, call: (gflux: Gflux) => unknown]

/** Makes the call and checks that it is refused before anything is queued, without a word of what it was given. */
export async function expectRefused(
  [, field, call]: BadCall,
  config?: Parameters<typeof openClient>[0],
): Promise<void> {
  const { gflux, ingest, logged } = openClient(config)

  const error = await errorOf(() => call(gflux))
  const flushed = await gflux.flush()

  expectValidationError(error, field)
  expect(logged.join()).not.toContain(PERSONAL)
  expect(logged.join()).not.toContain(`${PERSONAL_NUMBER}`)
  expect(logged.join()).not.toContain(TOKEN)
  expect(flushed).toEqual({ accepted: 0, rejected: 0, pending: 0, errors: [], requestIds: [] })
  expect(ingest.requests).toEqual([])
}

export function expectValidationError(error: Error, field: string): void {
  expect(error).toMatchObject({ name: 'GFluxNodeError', code: 'validation_error', retryable: false })
  expect(error.message).toMatch(/^Expected `[^`]+` to be .+, (got|but) .+/)
  expect(error.message).toContain(field)
  expect(error.message).not.toContain(PERSONAL)
  expect(error.message).not.toContain(`${PERSONAL_NUMBER}`)
  expect(error.message).not.toContain(TOKEN)
}
