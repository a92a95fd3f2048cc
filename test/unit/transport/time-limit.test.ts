import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type { FetchInit } from '../../../src/index.ts'
import { errorOf, openClient } from '../../support/client.ts'
import { openIngest, trackMany } from '../../support/http.ts'

describe('the time limit', () => {
  const warnings: string[] = []
  const note = (warning: Error): unknown => warnings.push(warning.name)
  process.on('warning', note)
  afterEach(() => {
    warnings.length = 0
  })

  it('holds where fetch ignores its signal', async () => {
    const signals: AbortSignal[] = []
    const { gflux } = openClient({
      maxRetries: 0,
      timeoutMs: 30,
      fetch: (_url: string, { signal }: FetchInit) => {
        signals.push(signal)
        return new Promise(() => undefined)
      },
    })
    await trackMany(gflux, 1)

    const error = await errorOf(() => gflux.flush())
    const alias = await errorOf(() => gflux.alias({ userId: 'user_1', anonymousId: 'anon_1' }))

    expect(error).toMatchObject({ code: 'request_timeout', retryable: true, result: { pending: 1 } })
    expect(alias).toMatchObject({ code: 'request_timeout', retryable: true })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  })

  it('covers a body that never ends', async () => {
    const { gflux } = openClient({
      maxRetries: 0,
      timeoutMs: 30,
      fetch: async () => new Response(new ReadableStream(), { status: 202 }),
    })
    await trackMany(gflux, 1)

    const error = await errorOf(() => gflux.flush())

    expect(error).toMatchObject({ code: 'request_timeout', result: { pending: 1 } })
  })

  it('is no licence to send without end', async () => {
    let chunks = 0
    const chunk = new Uint8Array(100_000).fill(32)
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(chunk)
        chunks++
      },
    })
    const { gflux } = openClient({ maxRetries: 0, fetch: async () => new Response(body, { status: 202 }) })
    await trackMany(gflux, 1)

    const error = await errorOf(() => gflux.flush())

    expect(error).toMatchObject({ code: 'invalid_response', result: { pending: 1 } })
    expect(chunks).toBeLessThan(20)
  })

  it('leaves a body to the `fetch` that has read it', async () => {
    const { gflux } = openClient({
      maxRetries: 0,
      fetch: async () => {
        const response = new Response(btoa('{"accepted":1,"rejected":0}'), { status: 202 })
        const text = atob(await response.text())
        return Object.assign(response, { text: async () => text })
      },
    })
    await trackMany(gflux, 1)

    expect(await gflux.flush()).toMatchObject({ accepted: 1 })
  })

  it('and a signal that many flushes share bring no warning of a leak', async () => {
    await using http = await openIngest()
    const gflux = http.connect({ flushAt: 10_000, concurrency: 12 })
    const { signal } = new AbortController()
    http.ingest.fail({ delayMs: 300, times: 40 })
    await trackMany(gflux, 700)

    const flushed = Promise.all(Array.from({ length: 12 }, () => gflux.flush({ signal })))
    await expect.poll(() => http.ingest.stats.inFlight).toBe(12)
    const listeners = getEventListeners(signal, 'abort').length
    await flushed

    expect(listeners).toBe(1)
    expect(http.ingest.stats.stored).toBe(700)
    expect(warnings).toEqual([])
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it.each([0, 2 ** 31, 1e12])('of %d ms lets a slow answer come', async (timeoutMs) => {
    await using http = await openIngest()
    const gflux = http.connect({ maxRetries: 0, timeoutMs })
    http.ingest.fail({ delayMs: 150, times: 2 })
    await trackMany(gflux, 1)

    const result = await gflux.flush()
    const alias = await gflux.alias({ userId: 'user_1', anonymousId: 'anon_1' })

    expect(result).toMatchObject({ accepted: 1 })
    expect(alias).toMatchObject({ alias: { user_id: 'user_1' } })
    expect(http.ingest.stats.requests).toBe(2)
    expect(warnings).toEqual([])
  })

  it('of 0 is none: a flush’s own budget still ends it', async () => {
    await using http = await openIngest()
    const gflux = http.connect({ timeoutMs: 0 })
    http.ingest.fail({ hang: true })
    await trackMany(gflux, 1)

    const result = await gflux.flush({ timeoutMs: 60 })

    expect(result).toMatchObject({ accepted: 0, pending: 1 })
  })

  it('ends with the caller’s signal, and nothing is lost or sent twice', async () => {
    await using http = await openIngest()
    const gflux = http.connect()
    http.ingest.fail({ delayMs: 100 })
    await trackMany(gflux, 1)
    const stop = new AbortController()

    const flushing = gflux.flush({ signal: stop.signal })
    setTimeout(() => stop.abort(), 20)
    const aborted = await flushing
    const result = await gflux.flush()

    expect(aborted).toMatchObject({ accepted: 0, pending: 1 })
    expect(result).toMatchObject({ accepted: 1, pending: 0 })
    expect(http.ingest.stats).toMatchObject({ stored: 1, duplicates: 0, keyConflicts: 0 })
  })

  it('of an interval beyond what a timer holds does not flush at once', async () => {
    const { gflux, ingest } = openClient({ flushIntervalMs: 2 ** 31 })
    await trackMany(gflux, 1)

    await new Promise((resolve) => setTimeout(resolve, 50))

    expect(ingest.requests).toEqual([])
    expect(warnings).toEqual([])
  })
})
