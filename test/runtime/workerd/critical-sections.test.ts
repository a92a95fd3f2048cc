import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { crossTalk, openWorkerd, until, type Workerd } from '../../support/workerd.ts'

const script = `
  import { DurableObject } from 'cloudflare:workers'
  import { withGFlux } from './dist/cloudflare.js'
  const config = (env) => ({ token: 'gflux_secret_x', fetch: env.INGEST, timeoutMs: 5000, maxQueueSize: 100 })

  class Room extends DurableObject {
    say() { this.gflux.track('said', { userId: 'user_1' }) }
    /** Resolves to what became of each call. */
    async sayWithin(section, count) {
      const results = []
      const sayAll = async () => {
        const gflux = this.gflux.with({ userId: 'user_1' })
        for (let n = 0; n < count; n++) results.push(await gflux.track('said').then(() => 'taken', ({ code }) => code))
        results.push(await gflux.track('Not said').catch(({ code }) => code))
      }
      if (section === 'transaction') await this.ctx.storage.transaction(sayAll)
      else await this.ctx.blockConcurrencyWhile(sayAll)
      return [...new Set(results)]
    }
  }
  const Wrapped = withGFlux(config, Room)
  export { Wrapped as Room }

  export default {
    async fetch(request, env) {
      const { name, method, args } = await request.json()
      const object = env.ROOM.get(env.ROOM.idFromName(name))
      return Response.json((await object[method](...args)) ?? null)
    },
  }`

describe('a critical section of an object without a durable queue', () => {
  let worker: Workerd
  const call = (name: string, method: string, ...args: unknown[]): Promise<unknown> =>
    worker.post({ name, method, args })
  beforeAll(async () => {
    const durableObjects = { ROOM: { className: 'Room', useSQLite: true } }
    worker = await openWorkerd({ packageRoot: inject('packageRoot'), script, options: { durableObjects } })
  })
  beforeEach(() => worker.ingest.reset())
  afterAll(() => worker[Symbol.asyncDispose]())

  it.each(['transaction', 'blockConcurrencyWhile'])(
    'is held up by no track(), which would wait for timers that may not fire: %s',
    async (section) => {
      const recover = worker.ingest.fail({ hang: true, every: 1 })
      const said = call(section, 'say')
      await until(() => worker.ingest.stats.inFlight > 0)

      const results = await call(section, 'sayWithin', section, 60)
      await said

      expect(results).toEqual(['taken', 'validation_error'])
      recover()
      await call(section, 'say')
      await until(() => worker.ingest.stats.stored === 62)
      expect(worker.output.join('')).not.toMatch(/unhandled/i)
    },
    40_000,
  )

  it('met no other object’s I/O', () => {
    expect(worker.output.join('')).not.toMatch(crossTalk)
  })
})
