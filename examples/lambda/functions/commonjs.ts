import { enableAfterResponseSync, withGFlux } from '@getfluxly/node/lambda'
import { gflux } from './client.ts'
import { placeOrder } from './orders.ts'

enableAfterResponseSync(gflux)

/** After-response mode in a CommonJS bundle, which has no top-level `await`. */
export const handler = withGFlux(gflux, placeOrder)
