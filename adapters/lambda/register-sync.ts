import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { extensionName, type Registration, registrationBody } from './extensions-api.ts'

/**
 * The same request as {@link ExtensionsApi.register}, as text: in a bundle there is no other file to start a thread
 * from.
 */
const source = `
const { workerData: { host, name, body, port, done } } = require('node:worker_threads')
const tell = (message) => {
  port.postMessage(message)
  Atomics.store(done, 0, 1)
  Atomics.notify(done, 0)
}
const options = { method: 'POST', agent: false, headers: { 'Lambda-Extension-Name': name } }
require('node:http')
  .request('http://' + host + '/2020-01-01/extension/register', options, (incoming) => {
    let text = ''
    incoming.on('data', (chunk) => { text += chunk })
    incoming.on('end', () => tell(incoming.statusCode === 200
      ? { identifier: incoming.headers['lambda-extension-identifier'] }
      : { error: (incoming.statusCode + ' ' + text).trim() }))
  })
  .on('error', (error) => tell({ error: String(error) }))
  .end(body)`

/**
 * Registers from a thread while this one stands still. Returns what it came to, or `undefined` after that time: what
 * comes later goes to `onLate`.
 */
export function registerSync(
  host: string,
  timeoutMs: number,
  onLate: (registration: Registration) => void,
): Registration | undefined {
  const { port1, port2 } = new MessageChannel()
  const done = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(source, {
    eval: true,
    env: {}, // no NODE_OPTIONS: what is preloaded for the function must not run again
    execArgv: [],
    workerData: { host, name: extensionName, body: registrationBody, port: port2, done },
    transferList: [port2],
  })
  worker.unref()
  worker.on('error', () => undefined) // it told nothing, and never will
  Atomics.wait(done, 0, 0, timeoutMs)
  const received = receiveMessageOnPort(port1)
  if (!received) port1.once('message', onLate).unref()
  return received?.message
}
