import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { compatibilityDates, crossTalk, openWorkerd, until, type Workerd } from '../../support/workerd.ts'

const script = `
  import { DurableObject } from 'cloudflare:workers'
  import { withGFlux } from './dist/cloudflare.js'
  const dropped = []
  const config = (env) => ({
    token: 'gflux_secret_x',
    fetch: env.INGEST,
    timeoutMs: 1000,
    onDrop: ({ events, error }) => dropped.push([error.code, events.length]),
  })

  class Room extends DurableObject {
    say(text) {
      this.gflux.track('said', { userId: 'user_1', properties: { text } })
      return 'said'
    }
    large() {
      for (let n = 0; n < 12; n++)
        this.gflux.track('large', { userId: 'user_1', properties: { n, padding: 'ж'.repeat(14000) } })
    }
    async flush() { return await this.gflux.flush().catch(({ code, result }) => ({ code, ...result })) }
    async remindAndSay(ms) {
      await this.remindIn(0, 1)
      if (ms) await new Promise((resolve) => setTimeout(resolve, ms))
      this.gflux.track('said', { userId: 'user_1' })
    }
    async sayAndFlush() {
      this.gflux.track('said', { userId: 'user_1', properties: { text: 'before' } })
      const flushed = this.gflux.flush()
      this.gflux.track('said', { userId: 'user_1', properties: { text: 'after' } })
      return await flushed
    }
    dropped() { return dropped }
    alarms() { return this.ctx.storage.get('alarms') }
    getAlarm() { return this.ctx.storage.getAlarm() }
    deleteAlarm() { return this.ctx.storage.deleteAlarm() }
    async stored() { return [...(await this.ctx.storage.list({ prefix: '__gflux:batch' })).keys()].length }
    async remindIn(ms, failures = 0) {
      await this.ctx.storage.put({ failures })
      await this.ctx.storage.setAlarm(Date.now() + ms)
    }
    async alarm({ retryCount }) {
      const alarms = (await this.ctx.storage.get('alarms')) ?? []
      alarms.push([retryCount, await this.ctx.storage.getAlarm()])
      await this.ctx.storage.put({ alarms })
      const failures = await this.ctx.storage.get('failures')
      await this.ctx.storage.put({ failures: failures - 1 })
      this.gflux.track(failures > 0 ? 'failed' : 'reminded', { userId: 'user_1' })
      if (failures > 0) throw new Error('on purpose')
    }
  }
  class Quiet extends DurableObject {
    constructor(ctx, env) {
      super(ctx, env)
      ctx.blockConcurrencyWhile(async () => {
        await ctx.storage.get('anything')
        this.gflux?.track('made', { userId: 'user_1' })
      })
    }
    say(text) { this.gflux.track('said', { userId: 'user_1', properties: { text } }) }
    async setAlarm(within) {
      const { storage } = this.ctx
      const set = (target) => target.setAlarm(Date.now()).catch(String)
      return await (within ? storage.transaction(set) : set(storage))
    }
  }
  const Wrapped = withGFlux(config, Room, { durableQueue: true })
  const WrappedQuiet = withGFlux(config, Quiet, { durableQueue: true })
  export { Wrapped as Room, WrappedQuiet as Quiet, Quiet as Bare }

  export default {
    async fetch(request, env) {
      const { name, method, args } = await request.json()
      const namespace = { quiet: env.QUIET, bare: env.BARE }[name] ?? env.ROOM
      const object = namespace.get(namespace.idFromName(name))
      return Response.json((await object[method](...args)) ?? null)
    },
  }`

describe.each(compatibilityDates)('an object’s durable queue in workerd as of %s', (compatibilityDate) => {
  const useSQLite = compatibilityDate > '2025'
  let worker: Workerd
  const call = (name: string, method: string, ...args: unknown[]): Promise<unknown> =>
    worker.post({ name, method, args })
  const evict = (name: string): Promise<void> =>
    worker.miniflare.unsafeEvictDurableObject('worker', 'Room', { name })
  const names = (): string[] => worker.ingest.events.map(({ event }) => event)
  beforeAll(async () => {
    worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      compatibilityDate,
      options: {
        // One kind of storage each.
        durableObjects: {
          ROOM: { className: 'Room', useSQLite },
          QUIET: 'Quiet',
          BARE: 'Bare',
        },
      },
    })
  })
  beforeEach(() => worker.ingest.reset())
  afterAll(() => worker[Symbol.asyncDispose]())

  it('the answer does not wait for the API, and the alarm sends', async () => {
    worker.ingest.fail({ delayMs: 250 })

    const answer = await call('prompt', 'say', 'hello')
    const storedByThen = worker.ingest.stats.stored
    await until(() => worker.ingest.stats.stored === 1)

    expect([answer, storedByThen]).toEqual(['said', 0])
    await until(async () => (await call('prompt', 'stored')) === 0)
  })

  it('an eviction loses nothing and doubles nothing', async () => {
    const recover = worker.ingest.fail({ reset: 'after', every: 1 })

    await call('evicted', 'say', 'one')
    await call('evicted', 'say', 'two')
    await until(() => worker.ingest.stats.requests > 0)
    await evict('evicted')
    recover()
    await until(async () => (await call('evicted', 'stored')) === 0)

    expect(worker.ingest.stats).toMatchObject({ stored: 2, duplicates: 0, keyConflicts: 0 })
    expect(worker.ingest.stats.replays).toBeGreaterThan(0)
  })

  it('a batch that the API can’t digest does not hold up the others', async () => {
    worker.ingest.fail({ status: 500 })

    await call('poisoned', 'say', 'one')
    await call('poisoned', 'say', 'two')
    await until(() => worker.ingest.stats.stored === 2)

    expect(worker.ingest.stats).toMatchObject({ duplicates: 0, keyConflicts: 0 })
  })

  it('a batch that the API refuses is reported', async () => {
    worker.ingest.fail({ status: 400 })

    await call('refused', 'say', 'one')
    await until(() => worker.ingest.stats.requests === 1)

    await until(async () => JSON.stringify(await call('refused', 'dropped')) === '[["http_4xx",1]]')
  })

  it('batches are as large as the API and the storage take them', async () => {
    await call('large', 'large')
    await until(() => worker.ingest.stats.stored === 12)

    expect(worker.ingest.stats.maxBytesPerRequest).toBeLessThan(useSQLite ? 262_145 : 65_000)
    expect(worker.ingest.stats).toMatchObject({ requests: useSQLite ? 2 : 6, keyConflicts: 0 })
  })

  it('an object without an alarm of its own has one, and its constructor’s events come once', async () => {
    await call('quiet', 'say', 'psst')
    await until(() => worker.ingest.stats.stored === 2)

    expect(names().sort()).toEqual(['made', 'said'])
    expect(worker.ingest.stats).toMatchObject({ duplicates: 0, keyConflicts: 0, replays: 0 })
  })

  it('an object without an alarm of its own is told so where it sets one', async () => {
    const answers = async (name: string): Promise<unknown[]> => [
      await call(name, 'setAlarm', false),
      await call(name, 'setAlarm', true),
    ]

    const [bare, ours] = [await answers('bare'), await answers('quiet')]

    expect(ours).toEqual(bare)
    expect(ours[0]).toMatch(/^TypeError: Your Durable Object class must have an alarm\(\) handler/)
  })

  it('a flush that the object asks for reaches the API, and tells what that said', async () => {
    const recover = worker.ingest.fail({ status: 503, every: 1 })
    await call('flushed', 'say', 'one')
    const refused = await call('flushed', 'flush')
    const kept = await call('flushed', 'stored')
    recover()
    const flushed = await call('flushed', 'flush')

    expect([refused, kept]).toMatchObject([{ code: 'http_5xx', accepted: 0, pending: 1 }, 1])
    expect(flushed).toMatchObject({ accepted: 1, pending: 0 })
    await until(async () => (await call('flushed', 'stored')) === 0)
  })

  it('an event that is tracked while a flush goes on has a batch of its own', async () => {
    expect(await call('both', 'sayAndFlush')).toMatchObject({ accepted: 1, pending: 0 })
    await until(() => worker.ingest.stats.stored === 2)

    expect(worker.ingest.stats).toMatchObject({ duplicates: 0, keyConflicts: 0 })
  })

  describe('the object’s own alarm', () => {
    it('comes once, when it is due, beside ours', async () => {
      await call('reminder', 'remindIn', 400)
      const due = Number(await call('reminder', 'getAlarm'))
      await call('reminder', 'say', 'before')
      await until(() => worker.ingest.stats.stored === 1)

      expect(await call('reminder', 'getAlarm')).toBe(due)
      await until(() => worker.ingest.stats.stored === 2)
      expect(await call('reminder', 'alarms')).toEqual([[0, null]])
      expect(await call('reminder', 'getAlarm')).toBeNull()
      expect(names()).toEqual(['said', 'reminded'])
    })

    it('survives an eviction', async () => {
      await call('survivor', 'remindIn', 600)
      await call('survivor', 'say', 'before')
      await evict('survivor')
      await until(() => worker.ingest.stats.stored === 2)

      expect(await call('survivor', 'alarms')).toEqual([[0, null]])
    })

    it('is tried again by the runtime when it throws, while ours goes on', async () => {
      await call('failing', 'remindIn', 0, 1)
      await call('failing', 'say', 'meanwhile')
      await until(() => worker.ingest.stats.stored === 3)

      expect(await call('failing', 'alarms')).toEqual([
        [0, null],
        [1, null],
      ])
      expect(names().sort()).toEqual(['failed', 'reminded', 'said'])
    })

    it('keeps the runtime’s count of retries, though something is tracked just as it comes', async () => {
      const objects = Array.from({ length: 12 }, (_, n) => `punctual ${n}`)
      await Promise.all(objects.map((name, n) => call(name, 'remindAndSay', n >> 1)))
      await until(() => worker.ingest.stats.stored === 3 * objects.length)

      const alarms = await Promise.all(objects.map((name) => call(name, 'alarms')))
      const retryCounts = alarms.map((each) => (each as unknown[][]).map(([retryCount]) => retryCount))
      expect(retryCounts).toEqual(objects.map(() => [0, 1]))
    })

    it('can be deleted, and ours still comes', async () => {
      const recover = worker.ingest.fail({ status: 503, every: 1 })
      await call('deleted', 'say', 'before')
      await call('deleted', 'remindIn', 500)
      await call('deleted', 'deleteAlarm')
      recover()
      await until(() => worker.ingest.stats.stored === 1)

      expect(await call('deleted', 'getAlarm')).toBeNull()
      expect(await call('deleted', 'alarms')).toBeNull()
    })
  })

  it('no object met another’s I/O', () => {
    expect(worker.output.join('').replaceAll(/.*on purpose.*/g, '')).not.toMatch(crossTalk)
  })
})
