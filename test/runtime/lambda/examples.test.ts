import { cp, readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { parse, type ScalarTag } from 'yaml'
import { createTestIngest } from '../../../ingest/index.ts'
import { run } from '../../support/child.ts'
import { createProject, type TempProject } from '../../support/project.ts'
import { TESTED_RUNTIMES } from './gflux-function.ts'
import { type LambdaRuntime, startEnvironment } from './harness/index.ts'

const example = resolve(import.meta.dirname, '../../../examples/lambda')

/** The tags of CloudFormation that are used. https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/ */
const tags: ScalarTag[] = ['Ref', 'GetAtt'].map((name) => ({
  tag: `!${name}`,
  resolve: (text) => ({ [name]: text }),
}))

interface FunctionProperties {
  readonly CodeUri: string
  readonly Handler: string
  readonly Runtime: string
  readonly Timeout: number
  readonly Environment: { readonly Variables: Record<string, unknown> }
  readonly FunctionUrlConfig: { readonly AuthType: string; readonly InvokeMode?: string }
}

const template = parse(await readFile(join(example, 'template.yaml'), 'utf8'), { customTags: tags })
const functions = Object.entries<{ Type: string; Properties: FunctionProperties }>(template.Resources).map(
  ([id, { Type: type, Properties: own }]) => {
    const properties: FunctionProperties = { ...template.Globals.Function, ...own }
    const runtime = properties.Runtime.replace(/^nodejs(\d+)\.x$/, 'node$1') as LambdaRuntime
    return { id, type, runtime, properties, folder: properties.CodeUri }
  },
)

let project: TempProject
/** What the build printed. */
let printed: string

/** Copied and built where the package is installed as someone else has it. */
beforeAll(async () => {
  project = await createProject(inject('packageRoot'), ['esbuild', '@middy/core'])
  await cp(example, join(project.folder, 'example'), { recursive: true })
  const { code, stdout, stderr } = await run(process.execPath, ['example/build.ts'], { cwd: project.folder })
  if (code !== 0) throw new Error(stderr)
  printed = stdout
})
afterAll(() => project[Symbol.asyncDispose]())

describe('the template of the examples', () => {
  it('is one of AWS SAM, and refers to nothing that it has not', () => {
    const urls = functions.map(({ id }) => `${id}Url`) // SAM makes them
    const attributes = JSON.stringify(template).matchAll(/"GetAtt":"(\w+)\.FunctionUrl"/g)
    const references = JSON.stringify(template).matchAll(/"Ref":"(\w+)"/g)

    expect(Object.keys(template)).toEqual([
      'AWSTemplateFormatVersion',
      'Transform',
      'Description',
      'Parameters',
      'Globals',
      'Resources',
      'Outputs',
    ])
    expect([template.AWSTemplateFormatVersion, template.Transform]).toEqual([
      '2010-09-09',
      'AWS::Serverless-2016-10-31',
    ])
    expect([...attributes].map(([, name]) => name)).toEqual(urls)
    expect([...references].map(([, name]) => name)).toEqual(Object.keys(template.Parameters))
  })

  it.each(functions)('deploys $id as it is built: one file with its handler', async (each) => {
    const { type, properties, folder } = each
    const files = await readdir(join(project.folder, 'example', folder))
    const [file = '', name = ''] = properties.Handler.split('.')

    expect(type).toBe('AWS::Serverless::Function')
    expect(Object.keys(properties).sort()).toEqual([
      'Architectures',
      'CodeUri',
      'Environment',
      'FunctionUrlConfig',
      'Handler',
      'MemorySize',
      'Runtime',
      'Timeout',
    ])
    expect(properties.Runtime).toMatch(/^nodejs2[24]\.x$/)
    expect(files).toEqual([expect.stringMatching(`^${file}\\.m?js$`)])
    expect(await readFile(join(project.folder, 'example', folder, files[0] ?? ''), 'utf8')).toContain(name)
    expect(printed).toMatch(new RegExp(`^${folder.split('/')[1]} +\\d+\\.\\d KB +\\d+\\.\\d KB$`, 'm'))
  })

  it('deploys every function that is built, and a stream as one', async () => {
    const built = await readdir(join(project.folder, 'example/dist'))
    const streaming = functions.filter(({ properties }) => properties.FunctionUrlConfig.InvokeMode)

    expect(functions.map(({ folder }) => folder).sort()).toEqual(built.map((name) => `dist/${name}/`).sort())
    expect(streaming.map(({ id }) => id)).toEqual(['Streaming'])
  })
})

const order = { body: JSON.stringify({ userId: 'user_1', orderId: 'order_1' }) }
const runs = functions.flatMap((each) => {
  const runtimes = new Set<LambdaRuntime>(['node24', each.runtime])
  return TESTED_RUNTIMES.filter((runtime) => runtimes.has(runtime)).map((runtime) => ({ ...each, runtime }))
})

describe.skipIf(runs.length === 0)('the example', () => {
  it.each(runs)('$id on $runtime answers, and its events arrive before the freeze', async (each) => {
    const { id, runtime, properties, folder } = each
    const ingest = createTestIngest()
    await using server = await ingest.listen()
    ingest.fail({ delayMs: 150, times: Number.POSITIVE_INFINITY })
    const [file = ''] = await readdir(join(project.folder, 'example', folder))
    const code = await readFile(join(project.folder, 'example', folder, file), 'utf8')
    const storedAtFreeze: number[] = []
    await using environment = await startEnvironment({
      runtime,
      files: { [file]: code },
      handler: properties.Handler,
      timeoutMs: properties.Timeout * 1000,
      env: { GFLUX_SERVER_TOKEN: 'gflux_secret_test', GFLUX_API_HOST: server.url },
      onFreeze: () => storedAtFreeze.push(ingest.events.length),
    })

    const [first, second] = await environment.invokeMany([order, order])

    expect(storedAtFreeze).toEqual([2, 4])
    expect(first?.response?.body).toContain('order_1')
    const [delivered] = ingest.requests
    const isHeldUp = (first?.completedAt ?? Infinity) >= (delivered?.settledAt ?? 0)
    expect(isHeldUp).toBe(id === 'BeforeResponse' || id === 'Middy')
    expect(ingest.events[2]).toMatchObject({
      event: 'order_placed',
      external_id: 'user_1',
      context: { function_request_id: second?.requestId, cold_start: false },
    })
    expect(environment.output).not.toMatch(/WARN|ERROR/)
  })
})
