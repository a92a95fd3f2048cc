import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Failure } from '../../../ingest/index.ts'
import { errorOf, openClient, TOKEN } from '../../support/client.ts'
import { openIngest, trackMany } from '../../support/http.ts'

const always = { times: 100 }

describe.concurrent('a flush that fails', () => {
  it.each<[title: string, thrown: unknown, told: string]>([
    ['a string', 'no route', 'no route'],
    ['a symbol', Symbol('no route'), 'Symbol(no route)'],
    ['an error that a string has caused', new TypeError('fetch failed', { cause: 'closed' }), 'fetch failed'],
    ['an error that a response has caused', new TypeError('Failed', { cause: Response.error() }), 'Failed'],
    ['nothing', null, 'null'],
    ['an object', Object.create(null), 'Object'],
  ])('because a `fetch` throws %s says so', async (_title, thrown, told) => {
    const fetch = () => Promise.reject(thrown)
    const { gflux } = openClient({ maxRetries: 0, fetch })
    await trackMany(gflux, 1)

    const { code, message } = await errorOf(() => gflux.flush())

    expect([code, message]).toEqual(['network_error', `GetFluxly API: the connection failed: ${told}`])
  })

  it.each<[title: string, failure: Failure, fields: object]>([
    [
      '400',
      { status: 400 },
      { code: 'http_4xx', status: 400, retryable: false, details: { error: 'validation_error' } },
    ],
    [
      '401',
      { status: 401 },
      { code: 'http_4xx', status: 401, retryable: false, details: { error: 'unauthenticated' } },
    ],
    [
      '403',
      { status: 403 },
      { code: 'http_4xx', status: 403, retryable: false, details: { error: 'forbidden' } },
    ],
    ['404', { status: 404 }, { code: 'http_4xx', status: 404, retryable: false }],
    [
      '422 in words',
      { status: 422, body: 'no' },
      { code: 'http_4xx', status: 422, retryable: false, details: 'no' },
    ],
  ])('with %s drops the events, with what the API said', async (_title, failure, fields) => {
    await using http = await openIngest()
    const dropped: unknown[] = []
    const gflux = http.connect({ onDrop: ({ events, error }) => dropped.push([events.length, error.code]) })
    await trackMany(gflux, 2)
    http.ingest.fail({ ...failure, ...always })

    const error = await errorOf(() => gflux.flush())
    const next = await gflux.flush()

    expect(error).toMatchObject(fields)
    expect(error.result).toMatchObject({ accepted: 0, rejected: 2, pending: 0 })
    expect(error.result?.errors).toMatchObject([{ index: 0, event: 'opened' }, { index: 1 }])
    expect(dropped).toEqual([[2, 'http_4xx']])
    expect(next).toMatchObject({ accepted: 0, rejected: 0, pending: 0 })
    expect(http.ingest.stats.requests).toBe(1)
  })

  it.each<[title: string, failure: Failure, fields: object, timeoutMs?: number]>([
    ['408', { status: 408 }, { code: 'http_4xx', status: 408, details: { error: 'timeout' } }],
    ['425', { status: 425 }, { code: 'http_4xx', status: 425 }],
    ['429', { status: 429, retryAfter: 0.2 }, { code: 'http_4xx', status: 429, retryAfterMs: 200 }],
    ['500', { status: 500 }, { code: 'http_5xx', status: 500, details: { error: 'server_error' } }],
    ['503', { status: 503, retryAfter: 0.3 }, { code: 'http_5xx', status: 503, retryAfterMs: 300 }],
    ['a proxy’s page', { status: 502, body: '<h1>' }, { code: 'http_5xx', status: 502, details: '<h1>' }],
    ['a death', { reset: 'before' }, { code: 'network_error', cause: expect.any(Error) }],
    ['half an answer', { body: 'truncated' }, { code: 'network_error' }],
    ['no JSON', { body: 'not-json' }, { code: 'invalid_response' }],
    ['silence', { hang: true }, { code: 'request_timeout' }, 500],
  ])('with %s keeps the events, for the next one', async (_title, failure, fields, timeoutMs) => {
    await using http = await openIngest()
    const gflux = http.connect({ maxRetries: 0, timeoutMs })
    await trackMany(gflux, 2)
    const recover = http.ingest.fail({ ...failure, ...always })

    const error = await errorOf(() => gflux.flush())
    recover()

    expect(error).toMatchObject({ ...fields, retryable: true })
    expect(error.result).toMatchObject({ accepted: 0, rejected: 0, pending: 2 })
    expect(http.ingest.stats.requests).toBe(1)
    expect(await gflux.flush()).toMatchObject({ accepted: 2, pending: 0 })
    expect(http.ingest.stats).toMatchObject({ stored: 2, duplicates: 0, keyConflicts: 0 })
  })

  it('shows the API’s words and not the token in them', async () => {
    await using http = await openIngest()
    const logged: string[] = []
    const log = (...words: unknown[]): unknown => logged.push(JSON.stringify(words))
    const gflux = http.connect({ logger: { debug: log, warn: log } })
    await trackMany(gflux, 1)
    const body = {
      error: `bad ${TOKEN}`,
      detail: { headers: { authorization: `Bearer ${TOKEN}`, host: 'x' } },
    }
    http.ingest.fail({ status: 401, body })
    http.ingest.fail({ status: 401, body: `Authorization: Bearer ${TOKEN}` })

    const json = await errorOf(() => gflux.flush())
    const text = await errorOf(() => gflux.alias({ userId: 'user_1', anonymousId: 'anon_1' }))

    expect(json.details).toMatchObject({ detail: { headers: { host: 'x' } } })
    expect(text.details).toMatch(/^Authorization: Bearer /)
    for (const error of [json, text]) {
      expect(JSON.stringify([error, error.message, error.stack, error.result])).not.toContain(TOKEN)
    }
    expect(logged.join()).not.toContain(TOKEN)
  })

  it('shows no token that the API’s JSON has escaped', async () => {
    await using http = await openIngest()
    const gflux = http.connect()
    await trackMany(gflux, 1)
    const escaped = TOKEN.replace('g', '\\u0067')
    http.ingest.fail({ status: 401, body: `{"error":"unauthenticated","detail":"Bearer ${escaped}"}` })

    const error = await errorOf(() => gflux.flush())

    expect(error.details).toMatchObject({ detail: 'Bearer [token]' })
    expect(inspect(error, { depth: 10 })).not.toContain(TOKEN)
  })

  it('passes on an error of fetch that holds no more than plain data', async () => {
    await using http = await openIngest()
    const cause = new TypeError('fetch failed', { cause: new AggregateError([new Error('refused')]) })
    const gflux = http.connect({ maxRetries: 0, fetch: () => Promise.reject(cause) })
    await trackMany(gflux, 1)

    const error = await errorOf(() => gflux.flush())

    expect(error.cause).toBe(cause)
  })

  it.each([
    ['a symbol for its code', Object.assign(new Error('odd'), { code: Symbol('odd') })],
    ['a string', 'odd'],
    ['nothing at all', undefined],
  ])('is one also where fetch throws %s', async (_what, thrown) => {
    await using http = await openIngest()
    const gflux = http.connect({ maxRetries: 0, fetch: () => Promise.reject(thrown) })
    await trackMany(gflux, 1)

    const error = await errorOf(() => gflux.flush())

    expect(error).toMatchObject({ code: 'network_error', retryable: true, result: { pending: 1 } })
  })

  it.each<[title: string, quote: (authorization: string) => unknown]>([
    ['itself', (authorization) => new Error(`invalid header ${authorization}`)],
    ['in its cause', (authorization) => new TypeError('fetch failed', { cause: new Error(authorization) })],
    [
      'further down, beside its message',
      (authorization) => new Error('a', { cause: new Error('[token]', { cause: new Error(authorization) }) }),
    ],
    [
      'in one of its errors',
      (authorization) => new AggregateError([new Error(authorization)], 'all failed with [token]'),
    ],
    [
      'in the request that it carries along',
      (authorization) => Object.assign(new Error('[token]'), { config: { headers: { authorization } } }),
    ],
    [
      'in what can’t be looked into',
      (authorization) => Object.assign(new Error('[token]'), { headers: new Headers({ authorization }) }),
    ],
    ['as an object', (authorization) => ({ message: '[token]', headers: { authorization } })],
  ])('does not pass on an error of fetch that quotes the token %s', async (_title, quote) => {
    await using http = await openIngest()
    const gflux = http.connect({
      maxRetries: 0,
      fetch: async (_url, { headers }) => {
        throw quote(headers['authorization'] ?? '')
      },
    })
    await trackMany(gflux, 1)

    const error = await errorOf(() => gflux.flush())

    expect(error).toMatchObject({ code: 'network_error', message: expect.stringContaining('[token]') })
    expect(inspect(error, { depth: 10 })).not.toContain(TOKEN)
  })

  it('tells the event that was rejected from those that were stored', async () => {
    await using http = await openIngest()
    const gflux = http.connect({ beforeSend: (event) => event })
    await trackMany(gflux, 2)
    const body = {
      accepted: 1,
      rejected: 1,
      request_id: 'req_1',
      errors: [{ index: 1, error: 'validation_error', detail: 'no such plan' }],
    }
    http.ingest.fail({ status: 202, body })

    const result = await gflux.flush()

    expect(result).toEqual({
      accepted: 1,
      rejected: 1,
      pending: 0,
      errors: [{ index: 1, event: 'opened', error: 'validation_error', detail: 'no such plan' }],
      requestIds: ['req_1'],
    })
  })

  it.each([
    ['null', null],
    ['absent', undefined],
    ['empty', []],
  ])('is none where the answer’s errors are %s', async (_what, errors) => {
    await using http = await openIngest()
    const gflux = http.connect({ flushAt: 100, concurrency: 1 })
    await trackMany(gflux, 60)
    http.ingest.fail({ status: 202, body: { accepted: 50, rejected: 0, request_id: 'req_1', errors } })

    const result = await gflux.flush()

    expect(result).toMatchObject({ accepted: 60, rejected: 0, pending: 0 })
    expect(http.ingest.stats.requests).toBeGreaterThanOrEqual(2)
  })

  it('is not tried more often than maxRetries allows, whatever Retry-After asks for', async () => {
    await using http = await openIngest()
    const gflux = http.connect({ maxRetries: 1 })
    http.ingest.fail({ status: 429, retryAfter: 1.1, times: 1000 })
    await trackMany(gflux, 1)

    const error = await errorOf(() => gflux.flush())

    expect(error).toMatchObject({ code: 'http_4xx', status: 429, result: { pending: 1 } })
    expect(http.ingest.stats.requests).toBe(2)
  })
})
