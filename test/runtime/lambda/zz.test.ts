import { describe, it } from 'vitest'
import { startGFluxFunction, type FunctionOptions } from './gflux-function.ts'
import type { Invocation } from './harness/index.ts'
const A = 'await enableAfterResponse(gflux)\n'
const show = (i: Invocation) => ({ json: i.response?.json, err: (i.error?.body as any)?.errorType ?? i.error?.type, resp: i.respondedAt && Math.round(i.respondedAt - i.startedAt), frozen: i.frozenAt && Math.round(i.frozenAt - i.startedAt), timedOut: i.timedOut, exited: i.exited })
async function go(title: string, source: string, events: [unknown, object?][], options: FunctionOptions = {}, each?: (f: any, n: number) => Promise<void> | void, end?: (f: any) => Promise<unknown>) {
  await using f = await startGFluxFunction(source, options)
  const out: unknown[] = []
  let n = 0
  for (const [event, o] of events) { await each?.(f, n++); out.push(JSON.stringify(show(await f.environment.invoke(event, o as any)))) }
  const e = await end?.(f)
  const other = f.environment.output.split('\n').filter((l: string) => l && !l.includes('warning: ') && !/^(START|END|REPORT)/.test(l)).slice(0, 12)
  console.log(`## ${options.runtime} ${title}\n${out.join('\n')}\nstored ${f.storedAtFreeze} dup ${f.ingest.stats.duplicates} final ${f.ingest.events.length} ${e ? JSON.stringify(e) : ''}\nwarn ${f.warnings().join(' | ')}\nout ${other.join('\n    ').slice(0, 700)}`)
}
const durablePromise = ''
describe.each(['node24', 'node22'] as const)('%s', (runtime) => {
  const o = { runtime, latencyMs: 100 }
  it('a', () => go('after: late init, little time left for first', A + `export const handler = withGFlux(gflux, async () => { trackMany(1); return 'x' })`, [[1, { timeoutMs: 150 }], [2, { timeoutMs: 90 }], [3], [4]], o))
  it('b', () => go('after: slow code before the wrapped one, 1500 ms', A + `const w = withGFlux(gflux, async () => { trackMany(); return 'x' }); export const handler = async (e, c) => { await sleep(1500); return w(e, c) }`, [[1], [2]], o))
  it('c', () => go('after: blocks the loop 1500 ms before the wrapper', A + `const w = withGFlux(gflux, async () => { trackMany(); return 'x' }); export const handler = async (e, c) => { const t = Date.now(); while (Date.now() - t < 1500); return w(e, c) }`, [[1], [2]], o))
  it('d', () => go('after: blocks the loop 1500 ms inside', A + `export const handler = withGFlux(gflux, async () => { trackMany(); const t = Date.now(); while (Date.now() - t < 1500); return 'x' })`, [[1], [2]], o))
  it('e', () => go('after: outage, then recovery', A + `export const handler = withGFlux(gflux, async () => { trackMany(3); return 'x' })`, Array(12).fill([1]), { ...o, latencyMs: 0, config: 'maxRetries: 0' }, async (f, n) => { if (n === 0) f.ingest.fail({ status: 503, times: 4 }); if (n > 6) await f.environment.sleepFrozen(1500) }, (f) => f.environment.shutdown()))
  it('f', () => go('after: flushAt 1, awaited tracks', A + `const g = initGFluxNode({ token: 'gflux_secret_test', apiHost: process.env.INGEST_URL, flushAt: 1, logger: { warn: say } }); export const handler = withGFlux(g, async () => { for (let i = 0; i < 5; i++) void g.track('a_b', { userId: 'u', properties: { i } }); return 'x' })`, [[1], [2], [3]], o))
  it('g', () => go('after: interval timers', A + `const g = initGFluxNode({ token: 'gflux_secret_test', apiHost: process.env.INGEST_URL, flushIntervalMs: 50, logger: { warn: say } }); export const handler = withGFlux(g, async () => { void g.track('a_b', { userId: 'u', timestamp: new Date(Date.now() + Math.random() * 1e6) }); await sleep(30); return 'x' })`, [[1], [2], [3]], o, async (f, n) => { if (n) await f.environment.sleepFrozen(300) }))
  it('h', () => go('after: wrapper with properties / class instance / generator', A + `const h = Object.assign(async function () { trackMany(1); return [typeof this, Object.keys(handler)] }, { config: 1 }); export const handler = withGFlux(gflux, h)`, [[1]], o))
  it('i', () => go('after: process.exit in the handler', A + `export const handler = withGFlux(gflux, async (e) => { trackMany(1); if (e === 1) { setTimeout(() => process.kill(process.pid, 'SIGTERM'), 5); await sleep(400) } return 'x' })`, [[1], [2]], o))
  it('j', () => go('after: handler shuts the client down', A + `export const handler = withGFlux(gflux, async () => { trackMany(); await gflux.shutdown(); return 'x' })`, [[1], [2]], o))
  it('k', () => go('after: logger throws', `const g = initGFluxNode({ token: 'gflux_secret_test', apiHost: process.env.INGEST_URL, logger: { warn() { throw new Error('l') } } }); await enableAfterResponse(g); export const handler = async () => 'x'`, [[1], [2]], o))
  it('l', () => go('after: durable style inner', A + `const w = withGFlux(gflux, () => { trackMany(3); return new Promise(() => {}) }); export const handler = async (e, c) => { w(e, c); await sleep(10); return 'PENDING' }`, [[1, { timeoutMs: 2000 }], [2, { timeoutMs: 2000 }]], o))
  it('m', () => go('alt client 1', A + `export const handler = withGFlux(gflux, async () => { trackMany(); return 'x' })`, [[1], [2]], { ...o, env: { AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1: 'true' } }, undefined, (f) => f.environment.shutdown()))
})
it('conc', async () => {
  await using f = await startGFluxFunction(`
    export const handler = withGFlux(gflux, async (user, context) => {
      const client = gflux.with({ userId: user, context: { ...lambdaContext(context), user } })
      for (let index = 0; index < 30; index++) { client.track('opened', { properties: { index, user } }); if (index % 7 === 0) await sleep(Math.random() * 20) }
      await client.identify({ userId: user, anonymousId: 'a' + user, traits: { user } })
      if (user.endsWith('3')) throw new Error(user)
      return context.awsRequestId
    })`, { concurrency: 6, latencyMs: 30, config: 'concurrency: 4, flushAt: 20' })
  f.ingest.fail({ status: 503, share: 0.25 })
  const users = Array.from({ length: 40 }, (_, i) => 'user_' + i)
  let bad = 0
  await Promise.all(users.map(async (u) => { const r = await f.environment.invoke(u); const n = f.ingest.events.filter((e) => e.external_id === u && e.event === 'opened').length; if (n !== 30) bad++; if (r.response && r.response.json !== r.requestId) bad += 100; if (r.timedOut) bad += 1000 }))
  const mixed = f.ingest.events.filter((e) => e.context?.['user'] !== e.external_id || (e.properties?.['user'] ?? e.external_id) !== e.external_id)
  console.log('## conc bad', bad, 'mixed', mixed.length, f.ingest.stats, f.warnings().length, f.environment.output.match(/nhandled/g))
})
