import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startGFluxFunction, TWO_BATCHES } from './gflux-function.ts'

const require = createRequire(import.meta.url)
const SDK = '@aws/durable-execution-sdk-js'
const packages = { [SDK]: join(require.resolve(SDK), '../..') }

/** What AWS keeps of an execution, in the function's memory: a step's result, and a wait that is over when it goes on. */
const BACKEND = `
  const input = { Id: 'execution', Type: 'EXECUTION', Status: 'STARTED', ExecutionDetails: { InputPayload: '{}' } }
  const operations = new Map([[input.Id, { ...input, StartTimestamp: new Date() }]])
  const apply = ({ Id, Type, Action, Payload, ...update }) => {
    const ended = Action === 'SUCCEED' && { Status: 'SUCCEEDED', StepDetails: { Result: Payload }, EndTimestamp: new Date() }
    const waits = Type === 'WAIT' && { WaitDetails: { ScheduledEndTimestamp: new Date(Date.now() + 60_000) } }
    operations.set(Id, { StartTimestamp: new Date(), ...operations.get(Id), ...update, Id, Type, Status: 'STARTED', ...waits, ...ended })
  }
  const durableExecutionClient = {
    getExecutionState: async () => ({ Operations: [...operations.values()] }),
    checkpoint: async ({ Updates = [] }) => {
      Updates.forEach(apply)
      return { CheckpointToken: 'token', NewExecutionState: { Operations: [...operations.values()] } }
    },
  }
  const executionInput = () => ({
    DurableExecutionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:function:1/durable-execution/a/b',
    CheckpointToken: 'token',
    InitialExecutionState: { Operations: [...operations.values()] },
  })
  const endWaits = () => {
    for (const operation of operations.values()) if (operation.Type === 'WAIT') operation.Status = 'SUCCEEDED'
  }`

it.each([
  ['before', ''],
  ['after', 'await enableAfterResponse(gflux)'],
])(
  'a durable execution that is suspended is flushed %s its response, and a step’s events are stored once',
  async (_when, enable) => {
    const source = `
    import { withDurableExecution } from '${SDK}'
    ${enable}
    ${BACKEND}
    const durable = withDurableExecution(async (event, context) => {
      await context.step('charge', async () => { trackMany(); return 'charged' })
      await context.wait({ seconds: 60 })
      await context.step('thank', async () => { trackMany(1) })
      return 'finished'
    }, { durableExecutionClient })
    const wrapped = withGFlux(gflux, durable)
    export const handler = (event, context) => { endWaits(); return wrapped(executionInput(), context) }`
    await using started = await startGFluxFunction(source, { packages })
    const { environment, storedAtFreeze, ingest } = started

    const suspended = await environment.invoke()
    const resumed = await environment.invoke()

    expect(suspended.response?.json).toEqual({ Status: 'PENDING' })
    expect(resumed.response?.json).toEqual({ Status: 'SUCCEEDED', Result: '"finished"' })
    expect(storedAtFreeze).toEqual([TWO_BATCHES, TWO_BATCHES + 1])
    expect(ingest.stats.duplicates).toBe(0)
  },
)
