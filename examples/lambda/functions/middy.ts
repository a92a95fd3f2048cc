import { gfluxMiddleware } from '@getfluxly/node/lambda'
import middy from '@middy/core'
import { gflux } from './client.ts'
import { placeOrder } from './orders.ts'

const flushing = gfluxMiddleware(gflux)

/** Used first, it runs last; as middy's `requestEnd` also where another middleware answers early. */
export const handler = middy(placeOrder, { requestEnd: flushing.requestEnd }).use(flushing)
