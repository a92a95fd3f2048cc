import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { compatibilityDates, crossTalk, openWorkerd, until, type Workerd } from '../../support/workerd.ts'

const hourMs = 3_600_000

const script = `
  import { DurableObject } from 'cloudflare:workers'
  import { withGFlux } from './dist/cloudflare.js'
  const config = (env) => ({ token: 'gflux_secret_x', fetch: env.INGEST })

  class Base extends DurableObject {
    async track(event) { await this.gflux?.track(event, { userId: 'user_1' }) }
    async alarm() { await this.ctx.storage.put('rung', (await this.rung()) + 1) }
    async rung() { return (await this.ctx.storage.get('rung')) ?? 0 }
    async getAlarm() { return await this.ctx.storage.getAlarm() }
    async setAlarm(time) {
      const told = await this.ctx.storage.setAlarm(time === 'Infinity' ? Infinity : time).catch(String)
      return [told, await this.getAlarm()]
    }
    async setInSync(time, fails) {
      const { storage } = this.ctx
      try {
        storage.transactionSync(() => {
          void storage.setAlarm(time)
          if (fails) throw new Error('on purpose')
        })
      } catch {}
      return await storage.getAlarm()
    }
    /** As the user's own code may. */
    async ring() {
      await this.track('ringing')
      await this.alarm()
      return [await this.rung(), await this.getAlarm()]
    }
    async abort() { this.ctx.abort('on purpose') }
  }
  class Tracking extends Base {
    async alarm() {
      await super.alarm()
      await this.track('rang')
    }
  }
  /** Sets its alarm where there is none. */
  class Ensuring extends Base {
    constructor(ctx, env) {
      super(ctx, env)
      ctx.blockConcurrencyWhile(async () => {
        this.seen = await ctx.storage.getAlarm()
        if (this.seen === null) await ctx.storage.setAlarm(Date.now() + ${hourMs})
      })
    }
    async getSeen() { return this.seen }
  }
  class EnsuringWithin extends Base {
    constructor(ctx, env) {
      super(ctx, env)
      ctx.blockConcurrencyWhile(() =>
        ctx.storage.transaction(async (tx) => {
          this.seen = await tx.getAlarm()
          if (this.seen === null) await tx.setAlarm(Date.now() + ${hourMs})
        }))
    }
    async getSeen() { return this.seen }
  }
  /** Tracks in its constructor. */
  class Telling extends Base {
    constructor(ctx, env) {
      super(ctx, env)
      ctx.blockConcurrencyWhile(async () => void this.gflux?.track('told', { userId: 'user_1' }))
    }
  }
  class Renewing extends Base {
    constructor(ctx, env) {
      super(ctx, env)
      void ctx.storage.setAlarm(Date.now() + ${hourMs})
    }
  }
  class Failing extends Base {
    async alarm({ retryCount }) {
      await this.ctx.storage.put('tries', [...((await this.tries()) ?? []), retryCount])
      await this.track('failed')
      throw new Error('on purpose')
    }
    async tries() { return await this.ctx.storage.get('tries') }
  }
  const wrap = (workerClass) => withGFlux(config, workerClass, { durableQueue: true })
  const OurFailing = wrap(Failing)
  const OurEnsuring = wrap(Ensuring)
  const OurEnsuringWithin = wrap(EnsuringWithin)
  const OurTelling = wrap(Telling)
  const OurTracking = wrap(Tracking)
  const OurRenewing = wrap(Renewing)
  export { Ensuring, EnsuringWithin, Failing, Renewing, Telling, Tracking }
  export { OurEnsuring, OurEnsuringWithin, OurFailing, OurRenewing, OurTelling, OurTracking }

  export default {
    async fetch(request, env) {
      const { className, name, method, args } = await request.json()
      const object = env[className].get(env[className].idFromName(name))
      return Response.json((await object[method](...args).catch(({ message }) => message)) ?? null)
    },
  }`

const classNames = ['Ensuring', 'EnsuringWithin', 'Failing', 'Renewing', 'Telling', 'Tracking'] as const
type ClassName = (typeof classNames)[number]
type Call = (method: string, ...args: unknown[]) => Promise<unknown>

describe.each(compatibilityDates)('the alarm that a durable queue shares as of %s', (compatibilityDate) => {
  const useSQLite = compatibilityDate > '2025'
  let worker: Workerd
  const objectOf =
    (className: ClassName | `Our${ClassName}`, name: string): Call =>
    (method, ...args) =>
      worker.post({ className, name, method, args })
  /** An object without us, and one with us. */
  const both = (className: ClassName, name: string): [Call, Call] => [
    objectOf(className, name),
    objectOf(`Our${className}`, name),
  ]
  const isDelivered = (name: string): boolean => worker.ingest.events.some(({ event }) => event === name)
  const later = Date.now() + hourMs

  beforeAll(async () => {
    const objects = classNames.flatMap((name) => [name, `Our${name}`])
    worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      compatibilityDate,
      options: {
        durableObjects: Object.fromEntries(objects.map((className) => [className, { className, useSQLite }])),
      },
    })
  })
  beforeEach(() => worker.ingest.reset())
  afterAll(() => worker[Symbol.asyncDispose]())

  it.each(['Ensuring', 'EnsuringWithin'] as const)(
    'is seen by a constructor that sets one where there is none: %s',
    async (className) => {
      for (const call of both(className, 'again')) {
        const set = await call('getAlarm')
        await call('abort')
        await call('track', 'restarted')
        await call('abort')
        const [seen, now] = [await call('getSeen'), await call('getAlarm')]

        expect(set).toBeGreaterThan(Date.now())
        expect([seen, now]).toEqual([set, set])
      }
      await until(() => isDelivered('restarted'))
    },
  )

  it('is seen by such a constructor beside one of ours', async () => {
    const call = objectOf('OurEnsuring', 'beside')
    const recover = worker.ingest.fail({ status: 503, every: 1 })

    const set = await call('getAlarm')
    await call('track', 'beside')
    await until(() => worker.ingest.stats.requests > 0)
    await call('abort')
    const [seen, now] = [await call('getSeen'), await call('getAlarm')]
    recover()
    await until(() => isDelivered('beside'))

    expect([seen, now]).toEqual([set, set])
  })

  it('stays though the constructor tracks an event', async () => {
    const call = objectOf('OurTelling', 'telling')
    await call('setAlarm', later)
    await until(() => isDelivered('told'))
    worker.ingest.reset()

    await call('abort')
    const now = await call('getAlarm')
    await until(() => isDelivered('told'))

    expect([now, await call('getAlarm')]).toEqual([later, later])
  })

  it('comes beside ours though the constructor sets it to a later time', async () => {
    const call = objectOf('OurRenewing', 'renewing')
    const recover = worker.ingest.fail({ status: 503, every: 1 })

    await call('track', 'renewing')
    await until(() => worker.ingest.stats.requests > 0)
    await call('abort')
    const set = await call('getAlarm')
    recover()
    await until(() => isDelivered('renewing'))

    expect(set).toBeGreaterThan(Date.now() + hourMs / 2)
    expect([await call('getAlarm'), await call('rung')]).toEqual([set, 0])
  })

  it('is what it was when the runtime refuses another', async () => {
    const answers = async (call: Call): Promise<unknown[]> => {
      const given: unknown[] = []
      for (const before of [null, later]) {
        if (before) await call('setAlarm', before)
        for (const time of [0, -1, null, '', true, 'later', 'Infinity', 1e308])
          given.push(await call('setAlarm', time))
      }
      return given
    }

    const [bare, ours] = both('Telling', 'refused')
    const [plain, shared] = [await answers(bare), await answers(ours)]
    await ours('track', 'refused')
    await until(() => isDelivered('refused'))

    expect(shared).toEqual(plain)
    expect([await ours('getAlarm'), await ours('rung')]).toEqual([later, 0])
  })

  it('is due now when it is set to the past', async () => {
    const call = objectOf('OurTelling', 'past')
    const before = Date.now()

    const [, set] = (await call('setAlarm', 1)) as unknown[]

    expect(set).toBeGreaterThanOrEqual(before - 1000)
    await until(async () => (await call('rung')) === 1)
  })

  it('is tried again by the runtime at its own times, whatever is tracked meanwhile', async () => {
    const call = objectOf('OurFailing', 'failing')
    let tries: unknown[] = []

    await call('setAlarm', Date.now())
    await until(async () => {
      await call('track', 'meanwhile')
      tries = ((await call('tries')) as unknown[] | null) ?? []
      return tries.length === 3
    })

    expect(tries).toEqual([0, 1, 2])
    await until(() => isDelivered('failed') && isDelivered('meanwhile'))
  })

  it('is the user’s method to other code than the runtime’s', async () => {
    for (const call of both('Telling', 'ringing')) {
      await call('setAlarm', later)
      expect(await call('ring')).toEqual([1, later])
    }
    await until(() => isDelivered('ringing'))
  })

  it('runs once, though the object ends while ours sends what it tracked', async () => {
    const call = objectOf('OurTracking', 'ending')
    worker.ingest.fail({ delayMs: 500, times: 100 })
    await call('setAlarm', Date.now())
    await until(() => worker.ingest.stats.inFlight > 0)

    await call('abort')
    await until(() => isDelivered('rang'))
    await new Promise((resolve) => setTimeout(resolve, 3000)) // what ended is tried again after two

    expect(await call('rung')).toBe(1)
    expect(worker.ingest.events.map(({ event }) => event)).toEqual(['rang'])
  })

  it('is what it was when a transactionSync() throws', async () => {
    const [bare, ours] = both('Telling', 'sync')
    const run = async (call: Call): Promise<unknown[]> => [
      await call('setInSync', Date.now(), true),
      await call('setInSync', later, false),
      await call('setInSync', Date.now(), true),
    ]

    const [plain, shared] = [await run(bare), await run(ours)]
    await ours('track', 'sync')
    await until(() => isDelivered('sync'))

    expect(shared).toEqual(plain)
    expect(shared).toEqual([null, later, later])
    expect([await ours('getAlarm'), await ours('rung')]).toEqual([later, 0])
  })

  it('no object met another’s I/O', () => {
    expect(worker.output.join('').replaceAll(/.*on purpose.*/g, '')).not.toMatch(crossTalk)
  })
})
