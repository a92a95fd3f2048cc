import { readFile } from 'node:fs/promises'
import { inject } from 'vitest'
import { withGFlux } from '../../adapters/lambda/index.ts'
import { withoutStack } from '../runtime/lambda/gflux-function.ts'
import { startEnvironment } from '../runtime/lambda/harness/index.ts'
import { describeContract } from './contract.ts'
import type { Platform } from './platform.ts'

const application = await readFile(new URL('application.js', import.meta.url), 'utf8')

/** AWS's runtime client, frozen at the end of each request; with `isConcurrent`, as on Lambda Managed Instances. */
function lambda(name: string, enable: string): Platform {
  return {
    name,
    hasLifetime: enable !== '',
    wrap: withGFlux,
    async start({ config, isWrapped, isConcurrent, deadlineMs, onEnd }) {
      const source = `
        import { initGFluxNode } from '@getfluxly/node'
        import { enableAfterResponse, withGFlux } from '@getfluxly/node/lambda'
        import { createHandler } from './application.mjs'
        const gflux = initGFluxNode(${JSON.stringify(config)})
        ${isWrapped ? enable : ''}
        export const handler = ${isWrapped ? 'withGFlux(gflux, createHandler(gflux))' : 'createHandler(gflux)'}`
      const environment = await startEnvironment({
        packageRoot: inject('packageRoot'),
        files: { 'index.mjs': source, 'application.mjs': application },
        timeoutMs: deadlineMs,
        onFreeze: onEnd,
        ...(isConcurrent && { concurrency: 2, env: { AWS_LAMBDA_NODEJS_WORKER_COUNT: '1' } }),
      })
      return {
        output: () => environment.output,
        [Symbol.asyncDispose]: () => environment.close(),
        async send(request) {
          const {
            response,
            error,
            startedAt,
            completedAt = Infinity,
            timedOut,
          } = await environment.invoke(request)
          if (isConcurrent) onEnd()
          return {
            answer: response?.json,
            ...(error && { error: withoutStack(error) }),
            startedAt,
            respondedAt: completedAt,
            isCutOff: timedOut,
          }
        },
      }
    },
  }
}

describeContract(lambda('Lambda', ''))
describeContract(lambda('Lambda in after-response mode', 'await enableAfterResponse(gflux)'))
