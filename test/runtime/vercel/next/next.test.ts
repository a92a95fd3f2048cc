import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createTestIngest, type IngestServer } from '../../../../ingest/index.ts'
import {
  buildApplication,
  buildFiles,
  type NextApplication,
  type NextServer,
  type StartOptions,
  versions,
} from './application.ts'
import { type Entry, entries } from './entries.ts'
import { cacheComponents, more } from './more.ts'

const ingestDelayMs = 300

describe('an application with `cacheComponents`, on Next 16', () => {
  const ingest = createTestIngest()
  let server: IngestServer
  let application: NextApplication
  beforeAll(async () => {
    server = await ingest.listen()
    application = await buildFiles(
      '16',
      inject('packageRoot'),
      { GFLUX_API_HOST: server.url },
      cacheComponents,
    )
  })
  afterAll(() => server.close())

  it('is built by `next build` though a page tracks that it renders, and emits nothing', () => {
    expect(ingest.stats.requests).toBe(0)
  })

  const elsewhere = { cwd: '/' }
  it.each<[string, path: string, least: number, StartOptions]>([
    ['a wrapped page that tracks', '/', 1, {}],
    ['a wrapped page that tracks nothing', '/quiet', 0, {}],
    ['a page that tracks and is not wrapped', '/unwrapped', 1, {}],
    ['a page of an application that is started from elsewhere', '/', 1, elsewhere],
    ['a page of a server that tracked before Next was loaded', '/', 1, { ...elsewhere, file: 'server.mjs' }],
    ['a page whose request nothing holds', '/', 1, { env: { K_SERVICE: 'shop' } }],
  ])('%s is rendered anew when it is older than a second', async (_title, path, least, options) => {
    ingest.reset()
    await using next = await application.start(options)
    const rendering = async (): Promise<string | undefined> =>
      /rendering \d+/.exec(await (await fetch(next.url + path)).text())?.[0]
    const tracked = () =>
      ingest.events
        .filter(({ event }) => event === 'page_rendered')
        .map(({ properties }) => properties?.['text'])

    const built = await rendering()
    await expect.poll(rendering, { timeout: 20_000, interval: 500 }).not.toBe(built)
    await expect.poll(() => tracked().length, { timeout: 20_000 }).toBeGreaterThanOrEqual(least)

    expect(built).toMatch(/^rendering/)
    expect(tracked()).toEqual([...new Set(tracked())])
    expect(ingest.stats).toMatchObject({ duplicates: 0, rejected: 0 })
    expect(next.output()).not.toMatch(/unstable value|Error/)
  })
})

describe.each(versions)('examples/next, on Next %s', (version) => {
  const ingest = createTestIngest()
  let server: IngestServer
  let application: NextApplication
  beforeAll(async () => {
    server = await ingest.listen()
    const env = { GFLUX_SERVER_TOKEN: 'gflux_secret_x', GFLUX_API_HOST: server.url }
    application = await buildApplication(version, inject('packageRoot'), env, more)
  })
  afterAll(() => server.close())

  const eventsOf = (name: string): number => ingest.events.filter(({ event }) => event === name).length

  it('`next build` emits nothing, though it renders a page that tracks', () => {
    expect(ingest.stats.requests).toBe(0)
  })

  describe('while it runs', () => {
    let next: NextServer
    beforeAll(async () => {
      next = await application.start()
    })
    afterAll(() => next[Symbol.asyncDispose]())

    it.each(Object.keys(entries))(
      '%s delivers, of two requests in a row, while the API fails once',
      async (name) => {
        const { ask, event, status } = entries[name] as Entry
        ingest.reset()
        ingest.fail({ status: 503, path: '/v1/events/batch' })
        ingest.fail({ delayMs: 50, times: Infinity })

        const answers = [await ask(next.url), await ask(next.url)]
        await expect.poll(() => eventsOf(event), { timeout: 20_000 }).toBe(2)

        expect(answers).toEqual([status, status])
        expect(ingest.stats).toMatchObject({ duplicates: 0, rejected: 0 })
      },
    )

    it.each(Object.keys(entries).filter((name) => entries[name]?.fail))(
      '%s delivers when it throws, and fails as Next has it',
      async (name) => {
        const { fail, event, failureStatus } = entries[name] as Entry
        ingest.reset()

        const status = await fail?.(next.url)
        await expect.poll(() => eventsOf(event), { timeout: 20_000 }).toBe(1)

        expect(status).toBe(failureStatus)
      },
    )

    it.each(Object.keys(entries))('%s answers no later for an API that takes 300 ms', async (name) => {
      const { ask, event } = entries[name] as Entry
      const median = async (): Promise<number> => {
        const times: number[] = []
        for (let round = 0; round < 9; round++) {
          const startedAt = performance.now()
          await ask(next.url)
          times.push(performance.now() - startedAt)
        }
        return times.sort((a, b) => a - b)[4] ?? 0
      }
      ingest.reset()
      await ask(next.url)

      const quick = await median()
      ingest.fail({ delayMs: ingestDelayMs, times: Infinity })
      const slow = await median()
      await expect.poll(() => eventsOf(event), { timeout: 20_000 }).toBe(19)

      expect(slow - quick).toBeLessThan(ingestDelayMs / 2)
    })

    it('a static page that is rendered anew delivers, and stays static', async () => {
      ingest.reset()
      const revalidated = () =>
        ingest.events.filter(({ properties }) => properties?.['path'] === '/news').length

      const response = await fetch(`${next.url}/news`)
      await expect.poll(revalidated, { timeout: 20_000 }).toBe(1)

      expect(response.headers.get('cache-control')).toMatch('s-maxage=1')
      expect(next.output()).not.toMatch(/static to dynamic/i)
    })

    it('a server action and its wrapper are two, where both are exported', async () => {
      const page = await (await fetch(`${next.url}/twins`)).text()
      const ids = [...page.matchAll(/name="\$ACTION_ID_(\w+)"/g)].map(([, id]) => id)

      expect(ids).toHaveLength(2)
      expect(ids[0]).not.toBe(ids[1])
    })

    it('knows the visitor by the cookie', async () => {
      ingest.reset()
      const headers = { cookie: 'gflux_anonymous_id=anon_1' }

      await fetch(`${next.url}/checkout`, { headers })
      await fetch(`${next.url}/api/orders`, { method: 'POST', body: '{"total":1}', headers })

      const eventsOfVisitor = () => ingest.events.filter(({ anonymous_id }) => anonymous_id === 'anon_1')
      await expect.poll(() => eventsOfVisitor().length, { timeout: 20_000 }).toBe(2)
    })
  })

  /** Has the entry deliver once, so that nothing is done for the first time after that. */
  async function startWarm({ ask, event }: Entry): Promise<NextServer> {
    const next = await application.start()
    ingest.reset()
    await ask(next.url)
    await expect.poll(() => eventsOf(event), { timeout: 20_000 }).toBe(1)
    ingest.reset()
    return next
  }

  it.each(Object.keys(entries))('%s delivers when SIGTERM comes 50 ms after the response', async (name) => {
    const { ask, event } = entries[name] as Entry
    await using next = await startWarm(entries[name] as Entry)
    ingest.fail({ delayMs: 1000, times: Infinity })

    await ask(next.url)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const storedAtSignal = eventsOf(event)
    next.child.kill('SIGTERM')
    const { code } = await next.ended

    expect([storedAtSignal, eventsOf(event)]).toEqual([0, 1])
    expect(code).toBe(version === '15' ? 0 : 143)
  })

  it('Edge code holds the process no longer than other code does when the API hangs at SIGTERM', async () => {
    const tookMs: Record<string, number> = {}
    for (const name of ['a route handler', 'an Edge function']) {
      const entry = entries[name] as Entry
      await using next = await startWarm(entry)
      ingest.fail({ hang: true, times: Infinity })
      await entry.ask(next.url)
      await new Promise((resolve) => setTimeout(resolve, 50))

      const signalledAt = performance.now()
      next.child.kill('SIGTERM')
      await next.ended
      tookMs[name] = performance.now() - signalledAt
    }

    const [other = 0, edge = 0] = Object.values(tookMs)
    expect(edge / other).toBeLessThan(2)
  })
})
