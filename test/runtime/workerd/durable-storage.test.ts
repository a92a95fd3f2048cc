import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { compatibilityDates, crossTalk, openWorkerd, until, type Workerd } from '../../support/workerd.ts'

const script = `
  import { DurableObject } from 'cloudflare:workers'
  import { withGFlux } from './dist/cloudflare.js'
  const log = []
  const config = (env) => ({
    token: 'gflux_secret_x',
    fetch: env.INGEST,
    timeoutMs: 5000,
    logger: { debug: (message) => log.push(message), warn: (message) => log.push(message) },
  })

  class Bare extends DurableObject {
    async track(event) { await this.gflux?.track(event, { userId: 'user_1' }) }
    async alarm() {
      const { storage } = this.ctx
      const rung = ((await storage.get('rung')) ?? 0) + 1
      await storage.put({ rung })
      log.push('rung')
      const againMs = await storage.get('againMs')
      if (againMs !== undefined) await storage.setAlarm(Date.now() + againMs)
    }
    async ring(againMs) {
      await this.ctx.storage.put({ againMs })
      await this.ctx.storage.setAlarm(Date.now() + againMs)
    }
    async log() { return log.splice(0) }
    async rung() { return (await this.ctx.storage.get('rung')) ?? 0 }
    async getAlarm() { return await this.ctx.storage.getAlarm() }
    async setAlarm(time) { await this.ctx.storage.setAlarm(time) }
    async ours() { return [...(await this.ctx.storage.list({ prefix: '__gflux' })).keys()] }
    async abort() { this.ctx.abort('on purpose') }
    async trackAndAbort(event) {
      await this.track(event)
      this.ctx.abort('on purpose')
    }

    /** What the steps of a transaction gave, and the alarm before and after its end. */
    async transact(...steps) {
      const { storage } = this.ctx
      const given = []
      await storage
        .transaction(async (tx) => {
          await tx.put({ kept: true })
          for (const [step, ...args] of steps) {
            if (step === 'throw') throw new Error('on purpose')
            given.push((await (step === 'track' ? this.track(...args) : tx[step](...args))) ?? null)
          }
        })
        .catch((error) => given.push(error.message))
      return [...given, await storage.getAlarm(), (await storage.get('kept')) ?? false]
    }
    async nest(time) {
      const { storage } = this.ctx
      await storage.transaction(async (tx) => {
        await tx.setAlarm(time)
        const inner = storage.transaction(async (tx) => {
          await tx.deleteAlarm()
          await this.track('inner')
          throw new Error('on purpose')
        })
        await inner.catch(() => {})
        await this.track('outer')
      })
      return await storage.getAlarm()
    }
    async wipe(...events) {
      for (const event of events) await this.track(event)
      await this.ctx.storage.deleteAll()
      return await this.ctx.storage.getAlarm()
    }
    async wipeAfterTransaction(event) {
      await this.track(event)
      await this.ctx.storage.setAlarm(Date.now() + 3_600_000)
      await this.ctx.storage.transaction((tx) => tx.put({ kept: true }))
      await this.ctx.storage.deleteAll()
      return await this.ctx.storage.getAlarm()
    }
    async trackAfterTransaction(event, isRolledBack) {
      try {
        await this.ctx.storage.transaction(async (tx) => {
          await tx.put({ kept: true })
          if (isRolledBack) throw new Error('on purpose')
        })
      } catch {}
      await this.gflux.track(event, { userId: 'user_1' })
      this.ctx.abort('on purpose')
    }
    async destroy(event) {
      await this.track(event)
      await this.ctx.storage.deleteAlarm()
      await this.ctx.storage.deleteAll()
      this.ctx.abort('on purpose')
    }
    async wipeWithin() {
      return await this.ctx.storage.transaction(() => this.ctx.storage.deleteAll().catch(({ message }) => message))
    }
  }
  const Wrapped = withGFlux(config, Bare, { durableQueue: true })
  export { Bare, Wrapped }

  export default {
    async fetch(request, env) {
      const { namespace, name, method, args } = await request.json()
      const object = env[namespace].get(env[namespace].idFromName(name))
      return Response.json((await object[method](...args).catch(({ message }) => message)) ?? null)
    },
  }`

const kinds = compatibilityDates.flatMap((date) => [
  { date, kind: 'SQLite', useSQLite: true },
  { date, kind: 'keys and values', useSQLite: false },
])

describe.each(kinds)(
  'the storage of $kind that a durable queue shares as of $date',
  ({ date, useSQLite }) => {
    let worker: Workerd
    type Call = (method: string, ...args: unknown[]) => Promise<unknown>
    const objectOf =
      (namespace: 'BARE' | 'WRAPPED', name: string): Call =>
      (method, ...args) =>
        worker.post({ namespace, name, method, args })
    const wrapped = (name: string): Call => objectOf('WRAPPED', name)
    /** What becomes of an object of each class. */
    const both = async (name: string, run: (call: Call) => Promise<unknown>): Promise<unknown[]> => [
      await run(objectOf('BARE', name)),
      await run(wrapped(name)),
    ]
    /** An object that ended while the API answered sends again what an earlier test saw: each test has its own names. */
    const delivered = (...names: string[]): Promise<void> =>
      until(() => names.every((name) => worker.ingest.events.some(({ event }) => event === name)))

    const later = Date.now() + 3_600_000
    const [oldest] = compatibilityDates

    beforeAll(async () => {
      worker = await openWorkerd({
        packageRoot: inject('packageRoot'),
        script,
        compatibilityDate: date,
        options: {
          durableObjects: {
            BARE: { className: 'Bare', useSQLite },
            WRAPPED: { className: 'Wrapped', useSQLite },
          },
        },
      })
    })
    beforeEach(() => worker.ingest.reset())
    afterAll(() => worker[Symbol.asyncDispose]())

    describe('an alarm within a transaction', () => {
      it('is the object’s own, and set when that commits', async () => {
        const [bare, ours] = await both('set', (call) =>
          call(
            'transact',
            ['track', 'one'],
            ['getAlarm'],
            ['setAlarm', later],
            ['getAlarm'],
            ['track', 'two'],
          ),
        )
        await delivered('one', 'two')

        expect(ours).toEqual(bare)
        expect(ours).toEqual([null, null, null, later, null, later, true])
        expect(await wrapped('set')('getAlarm')).toBe(later)
        expect(await wrapped('set')('rung')).toBe(0)
      })

      it('comes once, and so does ours', async () => {
        await wrapped('come')('transact', ['track', 'three'], ['setAlarm', Date.now() + 400])
        await until(async () => (await wrapped('come')('rung')) === 1)
        await delivered('three')

        expect(await wrapped('come')('getAlarm')).toBeNull()
      })

      it('survives an eviction', async () => {
        const recover = worker.ingest.fail({ status: 503, every: 1 })
        await wrapped('evicted')('track', 'four')
        await wrapped('evicted')('transact', ['setAlarm', later])
        await wrapped('evicted')('abort')
        recover()
        await delivered('four')

        expect(await wrapped('evicted')('getAlarm')).toBe(later)
      })

      it('can be deleted, and ours still comes', async () => {
        const [bare, ours] = await both('deleted', async (call) => {
          await call('setAlarm', later)
          await call('track', 'five')
          return await call('transact', ['getAlarm'], ['deleteAlarm'], ['getAlarm'])
        })
        await delivered('five')

        expect(ours).toEqual(bare)
        expect(ours).toEqual([later, null, null, null, true])
        expect(await wrapped('deleted')('rung')).toBe(0)
      })

      it.each(['throw', 'rollback'])('is as it was after a %s', async (end) => {
        const run = async (call: Call): Promise<unknown[]> => [
          await call('transact', ['setAlarm', Date.now()], [end]),
          await call('setAlarm', later),
          await call('transact', ['deleteAlarm'], ['getAlarm'], [end]),
        ]

        const [bare, ours] = await both(end, run)

        expect(ours).toEqual(bare)
        expect(await wrapped(end)('getAlarm')).toBe(later)
        expect(await wrapped(end)('rung')).toBe(0)
      })

      it('is that of the outer one when one within it fails', async () => {
        expect(await both('nested', (call) => call('nest', later))).toEqual([later, later])

        await wrapped('nested')('abort')
        await delivered('inner', 'outer')
      })
    })

    it.each(['throw', 'rollback'])('a %s undoes no event', async (end) => {
      const recover = worker.ingest.fail({ status: 503, every: 1 })

      await wrapped(`event-${end}`)('transact', ['track', `event_${end}`], [end])
      await wrapped(`event-${end}`)('abort')
      recover()
      await delivered(`event_${end}`)

      expect(worker.ingest.stats).toMatchObject({ duplicates: 0, keyConflicts: 0 })
    })

    it.each([false, true])(
      'an event tracked right after a transaction survives an abort, undone: %s',
      async (isUndone) => {
        await wrapped(`next ${isUndone}`)('trackAfterTransaction', `next_${isUndone}`, isUndone)

        await wrapped(`next ${isUndone}`)('rung')
        await delivered(`next_${isUndone}`)
      },
    )

    it('a deleteAll() right after a transaction deletes the object’s own alarm, and no event', async () => {
      const alarms = await both('after', (call) => call('wipeAfterTransaction', 'after'))
      await wrapped('after')('abort')
      await wrapped('after')('rung')

      expect(alarms[1] === null).toBe(alarms[0] === null)
      await delivered('after')
    })

    it('an event that was tracked survives an abort at once', async () => {
      await wrapped('aborted')('trackAndAbort', 'eight')

      await wrapped('aborted')('rung')
      await delivered('eight')
    })

    describe('deleteAll()', () => {
      it('deletes no event that is to be sent', async () => {
        const recover = worker.ingest.fail({ status: 503, every: 1 })

        await wrapped('wiped')('track', 'before')
        await until(() => worker.ingest.stats.requests > 0)
        await wrapped('wiped')('wipe', 'wiped', 'wiped_too')
        await wrapped('wiped')('abort')
        recover()
        await delivered('before', 'wiped', 'wiped_too')

        expect(await wrapped('wiped')('rung')).toBe(0)
        expect(worker.ingest.stats).toMatchObject({ duplicates: 0, keyConflicts: 0 })
      })

      it('deletes none where the object ends right after it', async () => {
        await wrapped('destroyed')('destroy', 'last')

        await delivered('last')
      })

      it('does to the object’s own alarm what it does without us', async () => {
        const run = async (call: Call): Promise<unknown> => {
          await call('setAlarm', later)
          return [await call('wipe', 'six'), await call('getAlarm')]
        }

        const [bare, ours] = await both('wiped-alarm', run)
        await delivered('six')

        expect(ours).toEqual(bare)
        expect(ours).toEqual(date === oldest ? [later, later] : [null, null])
        expect(await wrapped('wiped-alarm')('getAlarm')).toEqual(date === oldest ? later : null)
      })

      it('is refused within a transaction, and changes nothing', async () => {
        const run = async (call: Call): Promise<unknown> => {
          await call('setAlarm', later)
          return [await call('wipeWithin'), await call('getAlarm')]
        }

        const [bare, ours] = await both('wiped-within', run)

        expect(ours).toEqual(bare)
      })
    })

    describe('an API that hangs or is slow', () => {
      it.each(['before', 'while'])(
        'does not keep the object’s own alarm waiting that is set %s ours runs',
        async (when) => {
          const recover = worker.ingest.fail({ hang: true, every: 1 })
          const call = wrapped(`hanging-${when}`)

          if (when === 'before') await call('setAlarm', Date.now() + 300)
          await call('track', `hanging_${when}`)
          await until(() => worker.ingest.stats.requests === 1)
          await call('log')
          if (when === 'while') await call('setAlarm', Date.now() + 100)
          await until(async () => (await call('rung')) === 1)

          expect(await call('log')).not.toContain('GFlux: Retrying a batch')
          recover()
          await delivered(`hanging_${when}`)
        },
      )

      it('is reached though the object’s own alarm rings all the time', async () => {
        worker.ingest.fail({ delayMs: 1400, every: 1 })

        await wrapped('ringing')('ring', 20)
        await wrapped('ringing')('track', 'ringing')
        await until(async () => JSON.stringify(await wrapped('ringing')('ours')) === '[]')
        await delivered('ringing')
      })
    })

    it('nothing of ours is left when all is delivered', async () => {
      await wrapped('left')('track', 'seven')
      await delivered('seven')

      await until(async () => JSON.stringify(await wrapped('left')('ours')) === '[]')
      await wrapped('left')('setAlarm', later)
      expect(await wrapped('left')('ours')).toEqual([])
      await wrapped('left')('abort')
      expect(await wrapped('left')('getAlarm')).toBe(later)
    })

    it('no object met another’s I/O', () => {
      expect(worker.output.join('').replaceAll(/.*on purpose.*/g, '')).not.toMatch(crossTalk)
    })
  },
)
