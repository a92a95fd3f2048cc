import util from 'node:util'
import { version } from '../src/version.ts'
import type { RequestRecord } from './request-record.ts'
import { createTestIngest } from './test-ingest.ts'

/** What the command takes from the process. */
export interface Terminal {
  readonly print: (line: string) => void
  readonly printError: (line: string) => void
  /** Ends the command. */
  readonly signal: AbortSignal
}

interface DevOptions {
  readonly port: number
  readonly failShare: number
  readonly isQuiet: boolean
}

/** What an answer says of what the ingest did not take. */
interface RefusedAnswer {
  readonly error?: string
  readonly detail?: string
  readonly errors?: { index: number; detail: string }[]
}

const HELP = `Usage: gflux dev [options]

Runs the GetFluxly ingest API on 127.0.0.1: it checks what it gets as the real one does, and keeps it in memory.

Options:
  --port <number>       port to listen on (default: 8787; 0 takes a free one)
  --fail-share <share>  share of requests to answer with 503, from 0 to 1 (default: 0)
  --quiet               print no line per request
  --help                print this text
  --version             print the version`

const OPTIONS = {
  port: { type: 'string', default: '8787' },
  'fail-share': { type: 'string', default: '0' },
  quiet: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', short: 'v', default: false },
} as const

/** Runs `gflux` and returns its exit code: 0, or 1 for bad arguments and a server that can not start. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const options = readOptions(args)
    if (typeof options === 'string') terminal.print(options)
    else await serve(options, terminal)
    return 0
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    terminal.printError(`gflux: ${message.replace(/\. To specify a positional.*/s, '')}`) // Node's advice, of no use here
    terminal.printError('Run `gflux --help` for what it takes.')
    return 1
  }
}

/** Options, or a text to print. */
function readOptions(args: readonly string[]): DevOptions | string {
  // Node 18.0 has none, and would not even load a module that imports it by name.
  if (!util.parseArgs) throw new Error(`Node ${process.version} is too old: it takes 18.3 or later`)
  const { values, positionals } = util.parseArgs({
    args: [...args],
    options: OPTIONS,
    allowPositionals: true,
  })
  if (values.help) return HELP
  if (values.version) return version
  const [command, ...extra] = positionals
  if (command !== 'dev') {
    throw new Error(command === undefined ? 'a command is missing' : `unknown command \`${command}\``)
  }
  if (extra.length > 0) throw new Error(`unexpected argument \`${extra.join(' ')}\``)
  const port = Number(values.port)
  if (!/^\d+$/.test(values.port) || port > 65_535) {
    throw new Error(`expected --port to be an integer from 0 to 65535, got \`${values.port}\``)
  }
  const failShare = Number(values['fail-share'])
  if (values['fail-share'].trim() === '' || !(failShare >= 0 && failShare <= 1)) {
    throw new Error(`expected --fail-share to be a number from 0 to 1, got \`${values['fail-share']}\``)
  }
  return { port, failShare, isQuiet: values.quiet }
}

async function serve({ port, failShare, isQuiet }: DevOptions, terminal: Terminal): Promise<void> {
  const ingest = createTestIngest({
    onRequest: (request) => {
      if (isQuiet) return
      terminal.print(describeRequest(request))
      for (const line of refusalsIn(request)) terminal.print(`  ${line}`)
    },
  })
  if (failShare > 0) ingest.fail({ status: 503, share: failShare })
  const server = await ingest.listen({ port })
  terminal.print(`GetFluxly ingest on ${server.url}. Use it with:

  apiHost: '${server.url}'
  token: 'gflux_secret_dev' (any gflux_secret_… or gflux_pub_… will do)

Press Ctrl+C to stop.`)
  if (!terminal.signal.aborted) {
    await new Promise((resolve) => terminal.signal.addEventListener('abort', resolve, { once: true }))
  }
  await server.close()
  const { requests, stored, rejected } = ingest.stats
  terminal.print(`${count(requests, 'request')}, ${count(stored, 'event')} stored, ${rejected} rejected`)
}

function describeRequest(request: RequestRecord): string {
  const { method, path, status, events, bytes, receivedAt, settledAt = receivedAt, replayed } = request
  const names = [...new Set(events.map(nameOf))].slice(0, 5).join(', ')
  const told = count(events.length, 'event') + (names && ` (${names})`)
  const facts = [told, count(bytes, 'byte'), `${settledAt - receivedAt} ms`]
  return `${method} ${path} ${status}  ${facts.join(', ')}${replayed ? ', replayed' : ''}`
}

/** Why the request, or events of it, were refused: a line each. */
function refusalsIn({ answer = '', events }: RequestRecord): string[] {
  if (!answer.startsWith('{')) return []
  const { error, detail, errors = [] }: RefusedAnswer = JSON.parse(answer)
  const rejected = errors.map((each) => `rejected: ${nameOf(events[each.index])}: ${each.detail}`)
  return error === undefined ? rejected : [`${error}: ${detail}`, ...rejected]
}

/** Of whatever came in the place of an event. */
function nameOf(event: unknown): string {
  const { event: name } = Object(event)
  return typeof name === 'string' ? JSON.stringify(name.slice(0, 64)).slice(1, -1) : `(${typeof name})`
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`
}
