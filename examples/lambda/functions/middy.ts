import { gfluxMiddleware } from '@getfluxly/node/lambda'
import middy from '@middy/core'
import { gflux } from './client.ts'
import { placeOrder } from './orders.ts'

/** Used first, it runs last. Where others may answer early, `withGFlux(gflux, middy(…))` sees that end too. */
export const handler = middy(placeOrder).use(gfluxMiddleware(gflux))
