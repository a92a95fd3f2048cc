import { describe, expect, it } from 'vitest'
import { runCommand } from '../../../ingest/dev-command.ts'
import { version } from '../../../package.json'
import { BATCH, batch, SECRET, until } from './doors.ts'

function start(...args: string[]) {
  const out: string[] = []
  const errors: string[] = []
  const stop = new AbortController()
  const exitCode = runCommand(args, {
    print: (line) => out.push(line),
    printError: (line) => errors.push(line),
    signal: stop.signal,
  })
  return { out, errors, exitCode, stop }
}

function send(url: string, body: unknown = batch('one')): Promise<Response> {
  return fetch(url + BATCH, {
    method: 'POST',
    headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

async function urlIn(out: string[]): Promise<string> {
  await until(() => out.length > 0)
  return /http:\/\/127\.0\.0\.1:\d+/.exec(out[0] ?? '')?.[0] ?? ''
}

describe('gflux dev', () => {
  it('serves the ingest, prints a line per request, and stops', async () => {
    const { out, errors, exitCode, stop } = start('dev', '--port', '0')

    const url = await urlIn(out)
    const response = await send(url)
    await until(() => out.length > 1)
    stop.abort()

    expect(response.status).toBe(202)
    expect(await exitCode).toBe(0)
    expect(out[0]).toContain(`apiHost: '${url}'`)
    expect(out[0]).toContain("token: 'gflux_secret_")
    expect(out[1]).toMatch(/^POST \/v1\/events\/batch 202 {2}1 event \(one\), \d+ bytes, \d+ ms$/)
    expect(out[2]).toBe('1 request, 1 event stored, 0 rejected')
    expect(errors).toEqual([])
  })

  it('tells what was refused, and why', async () => {
    const { out, exitCode, stop } = start('dev', '--port', '0')

    const url = await urlIn(out)
    await send(url, { events: [batch('one').events[0], { event: 'Order Placed', external_id: 'u' }, null] })
    await send(url, [])
    stop.abort()

    expect(await exitCode).toBe(0)
    expect(out[1]).toMatch(/ 202 {2}3 events \(one, Order Placed, \(undefined\)\)/)
    expect(out[2]).toMatch(/^ {2}rejected: Order Placed: .+snake_case/)
    expect(out[3]).toMatch(/^ {2}rejected: \(undefined\): /)
    expect(out[4]).toMatch(/ 400 {2}0 events, /)
    expect(out[5]).toMatch(/^ {2}validation_error: /)
  })

  it('fails a share of the requests, quietly', async () => {
    const { out, exitCode, stop } = start('dev', '--port=0', '--fail-share', '1', '--quiet')

    const response = await send(await urlIn(out))
    stop.abort()

    expect(response.status).toBe(503)
    expect(await exitCode).toBe(0)
    expect(out[1]).toBe('1 request, 0 events stored, 0 rejected')
  })

  it.each([['--help'], ['dev', '-h']])('explains itself: %s', async (...args) => {
    const { out, exitCode } = start(...args)

    expect(await exitCode).toBe(0)
    expect(out[0]).toContain('Usage: gflux dev')
  })

  it.each([
    ['a command is missing', []],
    ['unknown command `prod`', ['prod']],
    ['unexpected argument `now`', ['dev', 'now']],
    ["Unknown option '--prot'", ['dev', '--prot', '1']],
    ['expected --port', ['dev', '--port', '65536']],
    ['expected --port', ['dev', '--port', 'x']],
    ['expected --fail-share', ['dev', '--fail-share', '2']],
    ['expected --fail-share', ['dev', '--fail-share', '']],
  ])('exits with 1: %s', async (message, args) => {
    const { out, errors, exitCode } = start(...args)

    expect(await exitCode).toBe(1)
    expect(errors[0]).toContain(message)
    expect(errors[0]).not.toContain('positional')
    expect(errors[1]).toContain('gflux --help')
    expect(out).toEqual([])
  })

  it.each([['--version'], ['dev', '-v']])('tells its version: %s', async (...args) => {
    const { out, exitCode } = start(...args)

    expect(await exitCode).toBe(0)
    expect(out).toEqual([version])
  })

  it('exits with 1 where the port is taken', async () => {
    const first = start('dev', '--port', '0')
    const port = new URL(await urlIn(first.out)).port

    const second = start('dev', '--port', port)

    expect(await second.exitCode).toBe(1)
    expect(second.errors[0]).toContain('EADDRINUSE')
    first.stop.abort()
    await first.exitCode
  })
})
