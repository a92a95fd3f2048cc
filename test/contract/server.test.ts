import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { inject } from 'vitest'
import { createProject } from '../support/project.ts'
import { describeContract } from './contract.ts'
import type { Platform } from './platform.ts'

const application = await readFile(new URL('application.js', import.meta.url), 'utf8')

/** A server that is idle for so long has nothing to do, or can't. */
const MAX_WAIT_MS = 3000

/**
 * A Fastify server over HTTP. It is never frozen, and flushes by its own timer: a request's end is the moment in which
 * nothing is queued, or the deadline.
 */
const server: Platform = {
  name: 'a long-running server',
  hasLifetime: true,
  waitsForApi: true,
  async start({ config, isWrapped, deadlineMs, onEnd }) {
    const project = await createProject(inject('packageRoot'), ['fastify'])
    await project.write('application.mjs', application)
    const options = JSON.stringify({ ...config, flushIntervalMs: 20, timeoutMs: deadlineMs / 5 })
    const main = await project.write(
      'main.mjs',
      `import { initGFluxNode } from '@getfluxly/node'
      import { fastifyGFlux, initGFluxServer } from '@getfluxly/node/server'
      import fastify from 'fastify'
      import { createHandler } from './application.mjs'
      const gflux = ${isWrapped ? `initGFluxServer(${options})` : `initGFluxNode(${JSON.stringify(config)})`}
      const app = fastify()
      ${isWrapped ? `await app.register(fastifyGFlux, { gflux })` : ''}
      let current
      const handle = createHandler({ with: (binding) => current.with(binding) })
      app.post('/', (request) => {
        current = request.gflux ?? gflux
        return handle(request.body)
      })
      app.get('/pending', async () => (await gflux.flush({ timeoutMs: 0 })).pending)
      process.send(await app.listen({ port: 0, host: '127.0.0.1' }))`,
    )
    const child = fork(main, { execArgv: [], silent: true })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    const [url] = await once(child, 'message')
    const countPending = async (): Promise<number> => Number(await (await fetch(`${url}/pending`)).text())
    return {
      output: () => output,
      async send(request) {
        const startedAt = Date.now()
        const response = await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(request),
        })
        const body: unknown = await response.json()
        const respondedAt = Date.now()
        const end = startedAt + Math.min(deadlineMs, MAX_WAIT_MS)
        while (Date.now() < end && (await countPending())) await sleep(10)
        onEnd()
        return { [response.ok ? 'answer' : 'error']: body, startedAt, respondedAt, isCutOff: false }
      },
      async [Symbol.asyncDispose]() {
        const closed = once(child, 'close')
        child.kill('SIGKILL')
        await closed
        await project[Symbol.asyncDispose]()
      },
    }
  },
}

describeContract(server)
