import { enableAfterResponse, withGFlux } from '@getfluxly/node/lambda'
import { gflux } from './client.ts'
import { placeOrder } from './orders.ts'

await enableAfterResponse(gflux)

/** The response goes out first, then the flush runs, then Lambda freezes the environment. */
export const handler = withGFlux(gflux, placeOrder)
