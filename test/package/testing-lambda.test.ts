import { describe, expect, inject, it } from 'vitest'
import { runModule } from '../support/child.ts'
import { createProject } from '../support/project.ts'

const FUNCTION = `
import { initGFluxNode } from '@getfluxly/node'
import { withGFlux } from '@getfluxly/node/lambda'

const gflux = initGFluxNode({ token: 'gflux_secret_test', apiHost: process.env.API_HOST })
let invocations = 0
const track = async ({ userId }) => {
  void gflux.track('opened', { userId })
  return { invocations: ++invocations, node: process.env.AWS_EXECUTION_ENV }
}
export const bare = track
export const wrapped = withGFlux(gflux, track)
`

const USE = `
import { createTestIngest } from '@getfluxly/node/testing'
import { startLambdaEnvironment } from '@getfluxly/node/testing/lambda'

const ingest = createTestIngest()
const server = await ingest.listen()
ingest.fail({ delayMs: 150, times: Infinity })
const results = {}
for (const name of ['bare', 'wrapped']) {
  ingest.reset()
  const storedAtFreeze = []
  const environment = await startLambdaEnvironment({
    taskRoot: 'function',
    handler: 'index.' + name,
    env: { API_HOST: server.url },
    onFreeze: () => storedAtFreeze.push(ingest.events.length),
  })
  const first = await environment.invoke({ userId: 'user_1' })
  await environment.sleepFrozen(50)
  const second = await environment.invoke({ userId: 'user_1' })
  const { signal } = await environment.shutdown()
  await environment.close()
  results[name] = { storedAtFreeze, answers: [first, second].map(({ response }) => response.json), signal }
}
await server.close()
console.log(JSON.stringify({ results, listeners: process.listenerCount('exit') }))
`

const node = `AWS_Lambda_nodejs${process.versions.node.split('.')[0]}.x`
const answers = [1, 2].map((invocations) => ({ invocations, node }))

describe('@getfluxly/node/testing/lambda', () => {
  it('shows what a function has sent when it is frozen, and leaves nothing behind', async () => {
    await using project = await createProject(inject('packageRoot'), ['aws-lambda-ric'])
    await project.write('function/index.mjs', FUNCTION)

    const { stdout, stderr, code } = await runModule(USE, { cwd: project.folder })

    expect([stderr, code]).toEqual(['', 0])
    expect(JSON.parse(stdout)).toEqual({
      results: {
        bare: { storedAtFreeze: [0, 0], answers, signal: 'SIGKILL' },
        wrapped: { storedAtFreeze: [1, 2], answers, signal: 'SIGKILL' },
      },
      listeners: 0,
    })
  })

  it('says what is to be installed where the runtime client is missing', async () => {
    await using project = await createProject(inject('packageRoot'))
    const source = `
      import { startLambdaEnvironment } from '@getfluxly/node/testing/lambda'
      await startLambdaEnvironment({ taskRoot: 'function' }).catch(({ message }) => console.log(message))`

    const { stdout } = await runModule(source, { cwd: project.folder })

    expect(stdout).toContain('npm install --save-dev aws-lambda-ric')
  })
})
