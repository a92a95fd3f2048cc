import { describe, expect, it } from 'vitest'
import { version } from '../../../package.json'
import { openClient, untyped } from '../../support/client.ts'
import { expectRefused } from './refusal.ts'

const forged = { library: 'forged', runtime: 'forged' }
const audit = { library: `gflux-node/${version}`, runtime: 'node' }

describe('the audit context', () => {
  it('is all the context there is by default', async () => {
    const { gflux, ingest } = openClient()

    await gflux.track('opened', { userId: 'user_1' })
    await gflux.flush()

    expect(ingest.events[0]?.context).toEqual(audit)
  })

  it.each<[who: string, config: Parameters<typeof openClient>[0], bound: object, called: object]>([
    ['defaultContext', { defaultContext: forged }, {}, {}],
    ['a binding', {}, { context: forged }, {}],
    ['the call', {}, {}, { context: forged }],
    [
      'beforeSend',
      { beforeSend: (event) => ({ ...event, context: { ...event.context, ...forged } }) },
      {},
      {},
    ],
    ['beforeSend that leaves none', { beforeSend: (event) => ({ ...event, context: {} }) }, {}, {}],
  ])('wins over %s', async (_who, config, bound, called) => {
    const { gflux, ingest } = openClient(config)

    await gflux.with(bound).track('opened', { userId: 'user_1', ...called })
    await gflux.flush()

    expect(ingest.events[0]?.context).toEqual(audit)
  })

  it('tells more of the runtime when asked to', async () => {
    const { gflux, ingest } = openClient({ includeRuntimeContext: true, defaultContext: { arch: 'forged' } })

    await gflux.track('opened', { userId: 'user_1', context: { node_version: 'forged', path: '/' } })
    await gflux.flush()

    expect(ingest.events[0]?.context).toEqual({
      ...audit,
      path: '/',
      node_version: process.version,
      platform: process.platform,
      arch: process.arch,
    })
  })

  it('still lets a user’s own node_version, platform and arch through when not asked to', async () => {
    const own = { node_version: '1', platform: 'mine', arch: 'mine' }
    const { gflux, ingest } = openClient({ defaultContext: own })

    await gflux.track('opened', { userId: 'user_1' })
    await gflux.flush()

    expect(ingest.events[0]?.context).toEqual({ ...audit, ...own })
  })
})

describe('defaultContext as a function', () => {
  it('is asked at each call, and gives way to bindings and calls', async () => {
    let requests = 0
    const { gflux, ingest } = openClient({ defaultContext: () => ({ request: ++requests, path: '/' }) })

    await gflux.track('opened', { userId: 'user_1' })
    await gflux.with({ context: { path: '/bound' } }).track('opened', { userId: 'user_1' })
    await gflux.track('opened', { userId: 'user_1', context: { path: '/called' } })
    await gflux.flush()

    expect(ingest.events.map(({ context }) => context)).toEqual([
      { ...audit, request: 1, path: '/' },
      { ...audit, request: 2, path: '/bound' },
      { ...audit, request: 3, path: '/called' },
    ])
  })

  it.each<[string, () => never]>([
    [
      'throws',
      () => {
        throw new Error('no request')
      },
    ],
    ['gives no object', () => untyped('a string')],
  ])('that %s refuses the call, by name', async (_title, defaultContext) => {
    await expectRefused(['track', 'defaultContext', (gflux) => gflux.track('opened', { userId: 'user_1' })], {
      defaultContext,
    })
  })
})
