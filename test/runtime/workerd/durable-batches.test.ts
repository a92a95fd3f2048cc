import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { compatibilityDates, crossTalk, openWorkerd, until, type Workerd } from '../../support/workerd.ts'

const script = `
  import { DurableObject } from 'cloudflare:workers'
  import { withGFlux } from './dist/cloudflare.js'
  const config = (env) => ({ token: 'gflux_secret_x', fetch: env.INGEST, timeoutMs: 5000, maxQueueSize: 100 })

  class Room extends DurableObject {
    /** Resolves to what became of the call. */
    track(n) {
      const said = this.gflux.track('said', { userId: 'user_1', properties: { n } })
      return said.then(() => 'taken', ({ code }) => code)
    }
    trackAll(count) {
      for (let n = 0; n < count; n++) this.track(n)
    }
    /** Without waiting for any of them. */
    async trackEach(count, pauseMs) {
      const calls = []
      for (let n = 0; n < count; n++) {
        calls.push(this.track(n))
        await scheduler.wait(pauseMs)
      }
      return count_(await Promise.all(calls))
    }
    async trackInTurn(count, from = 0) {
      const results = []
      for (let n = from; n < from + count; n++) results.push(await this.track(n))
      return count_(results)
    }
    async alarm() {
      this.result = await this.trackInTurn(300)
    }
    async trackWithin() {
      return await this.ctx.blockConcurrencyWhile(() => this.track(60))
    }
    async trackNested() {
      const { storage } = this.ctx
      await storage.transaction(async () => {
        await storage.get('outer')
        await storage.transaction(async () => {
          this.track(0)
          await storage.get('inner')
        })
        await this.gflux.flush()
      })
    }
    async setAlarm() { await this.ctx.storage.setAlarm(Date.now()) }
    async getResult() { return this.result }
    async stored() { return (await this.ctx.storage.list({ prefix: '__gflux:batch' })).size }
    async abort() { this.ctx.abort('on purpose') }
  }
  function count_(results) {
    const counts = {}
    for (const result of results) counts[result] = (counts[result] ?? 0) + 1
    return counts
  }
  const Wrapped = withGFlux(config, Room, { durableQueue: true })
  export { Wrapped as Room }

  export default {
    async fetch(request, env) {
      const { name, method, args } = await request.json()
      const object = env.ROOM.get(env.ROOM.idFromName(name))
      return Response.json((await object[method](...args).catch(({ message }) => message)) ?? null)
    },
  }`

describe.each(compatibilityDates)('the batches of a durable queue as of %s', (compatibilityDate) => {
  const useSQLite = compatibilityDate > '2025'
  let worker: Workerd
  const call = (name: string, method: string, ...args: unknown[]): Promise<unknown> =>
    worker.post({ name, method, args })
  const numbers = (): number[] =>
    worker.ingest.events.map(({ properties }) => Number(properties?.['n'])).sort((a, b) => a - b)
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

  beforeAll(async () => {
    worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      compatibilityDate,
      options: { durableObjects: { ROOM: { className: 'Room', useSQLite } } },
    })
  })
  beforeEach(() => worker.ingest.reset())
  afterAll(() => worker[Symbol.asyncDispose]())

  it('take the events of many calls while the API answers', async () => {
    worker.ingest.fail({ delayMs: 100, every: 1 })

    const results = await call('many', 'trackEach', 250, 8)
    await until(() => worker.ingest.stats.stored === 250)

    expect(results).toEqual({ taken: 250 })
    expect(numbers()).toEqual(upTo(250))
    expect(worker.ingest.stats.requests).toBeLessThan(100)
    expect(worker.ingest.stats).toMatchObject({ duplicates: 0, keyConflicts: 0 })
  })

  it('are as many as the API takes meanwhile: a loop that awaits its calls waits for that', async () => {
    worker.ingest.fail({ delayMs: 50, every: 1 })

    const results = await call('loop', 'trackInTurn', 400)
    await until(() => worker.ingest.stats.stored === 400)

    expect(results).toEqual({ taken: 400 })
    expect(worker.ingest.stats).toMatchObject({ duplicates: 0, keyConflicts: 0 })
  })

  it('are sent while the object’s own alarm runs that tracks more than the queue takes', async () => {
    await call('alarm', 'setAlarm')
    await until(async () => (await call('alarm', 'getResult')) !== null)
    await until(() => worker.ingest.stats.stored === 300)

    expect(await call('alarm', 'getResult')).toEqual({ taken: 300 })
  })

  it('hold a loop up once where the API hangs', async () => {
    const recover = worker.ingest.fail({ hang: true, every: 1 })
    const startedAt = Date.now()

    const results = await call('hanging', 'trackInTurn', 150)

    expect(Date.now() - startedAt).toBeLessThan(5000)
    expect(results).toEqual({ taken: 100, queue_overflow: 50 })
    recover()
    await until(() => worker.ingest.stats.stored === 100)
  })

  it('hold no critical section up, in which no timer may fire', async () => {
    const recover = worker.ingest.fail({ hang: true, every: 1 })
    await call('critical', 'trackAll', 60)
    await until(() => worker.ingest.stats.inFlight > 0)

    const result = await call('critical', 'trackWithin')

    expect(result).toBe('taken')
    recover()
    await until(() => worker.ingest.stats.stored === 61)
  }, 40_000)

  it('leave nothing in the storage that was sent from within transactions', async () => {
    await call('nested', 'trackNested')

    await until(() => worker.ingest.stats.stored === 1)
    expect(await call('nested', 'stored')).toBe(0)
  })

  it('hold no answer up that does not await its calls', async () => {
    worker.ingest.fail({ delayMs: 500, every: 1 })

    await call('prompt', 'trackAll', 100)

    expect(worker.ingest.stats.stored).toBe(0)
    await until(() => worker.ingest.stats.stored === 100)
  })

  it('keep what an object took, once each, whenever that ends', async () => {
    worker.ingest.fail({ reset: 'after', every: 5 })
    worker.ingest.fail({ delayMs: 20, every: 2 })

    for (let round = 0; round < 15; round++) {
      await call('ending', 'trackInTurn', 4 + (round % 5), 10 * round)
      if (round % 2) await new Promise((resolve) => setTimeout(resolve, 13 * round))
      await call('ending', 'abort')
    }
    await until(async () => (await call('ending', 'stored')) === 0)

    const taken = upTo(150).filter((n) => n % 10 < 4 + (Math.floor(n / 10) % 5))
    expect(numbers()).toEqual(taken)
    expect(worker.ingest.stats).toMatchObject({ duplicates: 0, keyConflicts: 0 })
  })

  it('keep their halves when the object ends after the API took one', async () => {
    worker.ingest.fail({ status: 413, times: 1 })
    const recover = worker.ingest.fail({ reset: 'after', every: 1 })

    await call('halved', 'trackAll', 4)
    await until(() => worker.ingest.stats.stored > 0)
    await call('halved', 'abort')
    recover()
    await until(async () => (await call('halved', 'stored')) === 0)

    expect(numbers()).toEqual(upTo(4))
    expect(worker.ingest.stats).toMatchObject({ duplicates: 0, keyConflicts: 0 })
  })

  it('no object met another’s I/O', () => {
    expect(worker.output.join('').replaceAll(/.*on purpose.*/g, '')).not.toMatch(crossTalk)
  })
})
