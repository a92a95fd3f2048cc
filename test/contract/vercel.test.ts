import { fork } from 'node:child_process'
import { on, once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { inject } from 'vitest'
import { withGFlux } from '../../adapters/vercel/index.ts'
import { createProject } from '../support/project.ts'
import { describeContract } from './contract.ts'
import type { Completed, Platform } from './platform.ts'

const application = await readFile(new URL('application.js', import.meta.url), 'utf8')

/** What the process below tells of a request. */
interface Ended extends Omit<Completed, 'isCutOff'> {
  readonly id: number
  readonly endedAt: number
}

/** A function's instance: serves the requests of its parent, each with a context of its own where there are any. */
const instance = `
  import { AsyncLocalStorage } from 'node:async_hooks'
  const storage = new AsyncLocalStorage()
  if (process.env.HAS_LIFETIME) globalThis[Symbol.for('@vercel/request-context')] = { get: () => storage.getStore() }
  process.on('message', async ({ id, request, deadlineMs }) => {
    const held = []
    const startedAt = Date.now()
    const deadline = new Date(startedAt + deadlineMs).toISOString()
    const waitUntil = (promise) => { held.push(promise) }
    const outcome = await storage.run({ waitUntil, deadline }, async () => {
      try {
        return { answer: await handler(request) }
      } catch ({ name, message }) {
        return { error: { name, message } }
      }
    })
    const respondedAt = Date.now()
    await Promise.all(held)
    process.send({ id, ...outcome, startedAt, respondedAt, endedAt: Date.now() })
  })
  process.send('ready')`

/** An instance that stands still from the end of each request on. Where nothing holds a request, it ends with its answer. */
function vercel(name: string, hasLifetime: boolean): Platform {
  return {
    name,
    hasLifetime,
    wrap: withGFlux,
    async start({ config, isWrapped, isConcurrent, deadlineMs, onEnd }) {
      const project = await createProject(inject('packageRoot'))
      await project.write('application.mjs', application)
      const options = `{ maxDuration: ${deadlineMs / 1000} }`
      const main = await project.write(
        'main.mjs',
        `import { initGFluxNode } from '@getfluxly/node'
        import { withGFlux } from '@getfluxly/node/vercel'
        import { createHandler } from './application.mjs'
        const gflux = initGFluxNode(${JSON.stringify(config)})
        const handler = ${isWrapped ? `withGFlux(gflux, createHandler(gflux), ${options})` : 'createHandler(gflux)'}
        ${instance}`,
      )
      const env = { ...process.env, VERCEL: '1', ...(hasLifetime && { HAS_LIFETIME: '1' }) }
      const child = fork(main, { env, execArgv: [], silent: true })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding('utf8').on('data', (text: string) => {
          output += text
        })
      }
      await once(child, 'message')
      let sent = 0
      return {
        output: () => output,
        async send(request) {
          const id = sent++
          if (!isConcurrent) child.kill('SIGCONT')
          child.send({ id, request, deadlineMs })
          for await (const [message] of on(child, 'message', { signal: AbortSignal.timeout(20_000) })) {
            const { endedAt, ...ended } = message as Ended
            if (ended.id !== id) continue
            if (!isConcurrent) child.kill('SIGSTOP')
            onEnd()
            return { ...ended, isCutOff: endedAt > ended.startedAt + deadlineMs }
          }
          throw new Error('The instance said nothing')
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
}

describeContract(vercel('Vercel', true))
describeContract(vercel('Vercel where nothing holds a request', false))
