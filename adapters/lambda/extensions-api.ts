import { Agent, type IncomingHttpHeaders, request } from 'node:http'

/** An invocation, as Lambda tells an extension of it. */
export interface InvokeEvent {
  readonly requestId: string
  /** Milliseconds since the epoch. */
  readonly deadlineMs: number
}

/** An extension's identifier, or why Lambda gave none. */
export interface Registration {
  readonly identifier?: string | undefined
  readonly error?: string
}

interface Answer {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const prefix = '/2020-01-01/extension/'
/** Unique among the extensions of a function. */
export const extensionName = 'getfluxly-node'
/** Extensions in the runtime's process may get no other events. */
export const registrationBody: string = JSON.stringify({ events: ['INVOKE'] })

/**
 * Lambda's Extensions API. Its requests hold neither the process nor the event loop, and have no time limit: the next
 * event may be hours away, which `fetch` gives up after 300 s.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 */
export class ExtensionsApi {
  /** Such as `127.0.0.1:9001`. */
  readonly host: string
  readonly #agent = new Agent({ keepAlive: true })

  constructor(host: string) {
    this.host = host
  }

  /** Never rejects. */
  async register(): Promise<Registration> {
    try {
      const name = { 'Lambda-Extension-Name': extensionName }
      const { headers } = await this.#call('POST', 'register', name, registrationBody)
      return { identifier: headers['lambda-extension-identifier']?.toString() }
    } catch (error) {
      return { error: String(error) }
    }
  }

  /** Tells Lambda that the extension has nothing more to do, and waits for the next invocation. */
  async next(identifier: string): Promise<InvokeEvent> {
    const { body } = await this.#call('GET', 'event/next', { 'Lambda-Extension-Identifier': identifier })
    return JSON.parse(body)
  }

  #call(method: string, path: string, headers: Record<string, string>, body = ''): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const url = `http://${this.host}${prefix}${path}`
      // With the header AWS's X-Ray SDK takes no request for one to trace: this one lasts as long as the freeze.
      const untraced = { ...headers, 'X-Amzn-Trace-Id': 'Sampled=0' }
      const outgoing = request(url, { agent: this.#agent, method, headers: untraced }, (incoming) => {
        let text = ''
        incoming.setEncoding('utf8')
        incoming.on('data', (chunk: string) => {
          text += chunk
        })
        incoming.on('error', reject)
        incoming.on('end', () => {
          if (incoming.statusCode === 200) resolve({ headers: incoming.headers, body: text })
          else reject(new Error(`${incoming.statusCode} ${text}`.trim()))
        })
      })
      outgoing.on('socket', (socket) => socket.unref())
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }
}
