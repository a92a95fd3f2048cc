import { readFile } from 'node:fs/promises'
import { inject } from 'vitest'
import { openWorkerd } from '../support/workerd.ts'
import { describeContract } from './contract.ts'
import type { Platform } from './platform.ts'

const application = await readFile(new URL('application.js', import.meta.url), 'utf8')

/** Is told of a request when all that it began has ended, what it gave to `waitUntil` included. */
const tail = `
  export default {
    async tail(items, env) {
      for (const { event, outcome, exceptions } of items) {
        const body = JSON.stringify({ url: event.request.url, outcome, exceptions })
        await env.ENDED.fetch('http://ended/', { method: 'POST', body })
      }
    },
  }`

interface Ended {
  readonly url: string
  readonly outcome: string
  readonly exceptions: readonly { readonly name: string; readonly message: string }[]
}

/** One isolate of workerd, which runs the requests as they come. */
const cloudflare: Platform = {
  name: 'Cloudflare Workers',
  hasLifetime: true,
  async start({ config, isWrapped, deadlineMs, onEnd }) {
    const script = `
      import { initGFluxNode } from './dist/index.js'
      import { withGFlux } from './dist/cloudflare.js'
      ${application}
      const gflux = initGFluxNode(${JSON.stringify(config)})
      const handle = createHandler(gflux)
      const handlers = { fetch: async (request) => Response.json(await handle(await request.json())) }
      export default ${isWrapped ? `withGFlux(gflux, handlers, { timeoutMs: ${deadlineMs} })` : 'handlers'}`
    const ended = new Map<string, (end: Ended) => void>()
    const worker = await openWorkerd({
      packageRoot: inject('packageRoot'),
      script,
      options: { outboundService: undefined, tails: ['tail'] },
      others: [
        {
          name: 'tail',
          modules: true,
          script: tail,
          serviceBindings: {
            ENDED: async (request: Request) => {
              onEnd()
              const end = (await request.json()) as Ended
              ended.get(end.url)?.(end)
              return new Response('seen')
            },
          },
        },
      ],
    })
    let count = 0
    return {
      output: () => worker.output.join(''),
      [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
      async send(request) {
        const url = `http://worker/${++count}`
        const end = new Promise<Ended>((resolve) => ended.set(url, resolve))
        const startedAt = Date.now()
        const response = await worker.miniflare.dispatchFetch(url, {
          method: 'POST',
          body: JSON.stringify(request),
        })
        const text = await response.text()
        const respondedAt = Date.now()
        const { exceptions, outcome } = await end
        const [exception] = exceptions
        return {
          ...(response.ok && { answer: JSON.parse(text) }),
          ...(exception && { error: { name: exception.name, message: exception.message } }),
          startedAt,
          respondedAt,
          isCutOff: !['ok', 'exception'].includes(outcome),
        }
      },
    }
  },
}

describeContract(cloudflare)
