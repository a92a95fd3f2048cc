import { expect, it } from 'vitest'
import type { ExtensionFaults } from './harness/index.ts'
import { startFunction } from './sample-function.ts'

const POLL = `
  const poll = async (id) => { for (;;) await next(id) }`

it.each<[string, ExtensionFaults | 'disabled', string, unknown[]]>([
  ['of a name that it has already', {}, 'one', [200, 403, 'Extension.InvalidExtensionState']],
  ['of a name that another has', { taken: ['two'] }, 'two', [200, 403, 'Extension.InvalidExtensionState']],
  ['of the eleventh', { others: 9 }, 'two', [200, 403, 'Extension.TooManyExtensions']],
  ['that comes late', { closed: true }, 'two', [403, 403, 'Extension.RegistrationClosed']],
  ['where there are no extensions', 'disabled', 'two', [404, 404, '']],
])('refuses the registration %s', async (_title, extensions, name, expected) => {
  const source = `import { next, register } from './extension.mjs' ${POLL}
    const first = await register('one')
    const second = await register('${name}')
    for (const { id } of [first, second]) if (id) void poll(id)
    export const handler = async () => [first.status, second.status, second.type]`
  await using environment = await startFunction(source, { extensions })

  const { response, timedOut } = await environment.invoke()

  expect(response?.json).toEqual(expected)
  expect(timedOut).toBe(false)
})

it('refuses the SHUTDOWN event, and any registration after the first request for an event', async () => {
  const source = `import { register } from './extension.mjs'
    const early = await register('one', ['INVOKE', 'SHUTDOWN'])
    export const handler = async () => [early, await register('two')].map(({ status, type }) => [status, type])`
  await using environment = await startFunction(source)

  const { response } = await environment.invoke()

  expect(response?.json).toEqual([
    [403, 'Extension.InvalidEventType'],
    [403, 'Extension.RegistrationClosed'],
  ])
})

it.each<[string, ExtensionFaults]>([
  ['whose connection is cut before the event', { dropNext: 1 }],
  ['whose connection is cut at the event', { loseEvent: 1 }],
])('an extension %s holds the environment until the deadline', async (_title, extensions) => {
  const source = `import { next, register } from './extension.mjs' ${POLL}
    const { id } = await register()
    poll(id).catch(() => console.log('lost'))
    export const handler = async () => 'answered'`
  await using environment = await startFunction(source, { extensions })

  const { response, timedOut, exited } = await environment.invoke(null, { timeoutMs: 400 })

  expect(response?.json).toBe('answered')
  expect([timedOut, exited?.signal]).toEqual([true, 'SIGKILL'])
  expect(environment.output).toContain('lost')
})
