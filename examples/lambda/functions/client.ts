import { initGFluxNode } from '@getfluxly/node'
import { lambdaContext } from '@getfluxly/node/lambda'

/** One client per environment: what one invocation could not send goes with the next. */
export const gflux = initGFluxNode({
  token: process.env['GFLUX_SERVER_TOKEN'] ?? '',
  apiHost: process.env['GFLUX_API_HOST'],
  defaultContext: lambdaContext,
  logger: { warn: (message, details) => console.warn(message, details) },
})
