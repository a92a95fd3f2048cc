import { expect, it } from 'vitest'
import { startGFluxFunction } from './gflux-function.ts'

const INVOCATIONS = 24
const EVENTS = 3

it('several invocations at once each flush their own events, with their own identity and context', async () => {
  const source = `
    await enableAfterResponse(gflux)
    export const handler = withGFlux(gflux, async (user, context) => {
      const client = gflux.with({ userId: user })
      for (let index = 0; index < ${EVENTS}; index++) {
        client.track('opened', { properties: { index } })
        await sleep(Math.random() * 40)
      }
      return { id: context.awsRequestId, listeners: process.listenerCount('SIGTERM') }
    })`
  const config = 'defaultContext: lambda.lambdaContext'
  await using started = await startGFluxFunction(source, { concurrency: 4, config })
  const { environment, ingest, warnings } = started
  const users = Array.from({ length: INVOCATIONS }, (_, index) => `user_${index}`)

  const answers = await Promise.all(
    users.map(async (user) => {
      const { response, timedOut } = await environment.invoke(user)
      const stored = ingest.events.filter((event) => event.external_id === user).length
      return { user, stored, timedOut, ...(response?.json as { id: string; listeners: number }) }
    }),
  )

  for (const { user, id, stored, timedOut, listeners } of answers) {
    expect({ stored, timedOut, listeners }).toEqual({ stored: EVENTS, timedOut: false, listeners: 0 })
    const ids = ingest.events
      .filter((event) => event.external_id === user)
      .map(({ context }) => context?.['function_request_id'])
    expect(ids).toEqual(Array(EVENTS).fill(id))
  }
  expect(ingest.stats).toMatchObject({ stored: INVOCATIONS * EVENTS, duplicates: 0 })
  expect(environment.log.filter(({ kind }) => kind === 'extension-register')).toEqual([])
  for (const warning of warnings()) expect(warning).toContain('several invocations run at once')
  expect(warnings()).toHaveLength(2) // one for each worker
})
