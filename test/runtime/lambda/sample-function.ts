import { type Environment, type EnvironmentOptions, startEnvironment } from './harness/index.ts'

/** A module that talks to the Extensions API from inside the runtime's process. */
const EXTENSION = `
import { Agent, request } from 'node:http'

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':')
const agent = new Agent({ keepAlive: true })

function call(method, path, headers, body) {
  return new Promise((resolve, reject) => {
    const options = { host, port, agent, method, path: '/2020-01-01/extension/' + path, headers }
    const outgoing = request(options, (incoming) => {
      let text = ''
      incoming.on('data', (data) => { text += data })
      incoming.on('end', () => resolve({ status: incoming.statusCode, headers: incoming.headers, body: text }))
    })
    if (method === 'GET') outgoing.on('socket', (socket) => socket.unref())
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

export async function register(name = 'sample', events = ['INVOKE']) {
  const { status, headers, body } = await call('POST', 'register', { 'Lambda-Extension-Name': name }, JSON.stringify({ events }))
  return { status, id: headers['lambda-extension-identifier'], type: body && JSON.parse(body).errorType }
}

export async function next(id) {
  const { status, body } = await call('GET', 'event/next', { 'Lambda-Extension-Identifier': id })
  return { status, ...(body && JSON.parse(body)) }
}
`

/** An environment whose function is one module, beside the extension's. */
export function startFunction(
  source: string,
  options: Partial<EnvironmentOptions> = {},
): Promise<Environment> {
  return startEnvironment({ files: { 'index.mjs': source, 'extension.mjs': EXTENSION }, ...options })
}
