import { withGFlux } from '@getfluxly/node/lambda'
import { gflux } from './client.ts'
import { placeOrder } from './orders.ts'

/** The response waits for the flush: nothing to set up, and right for queues and schedules, where nobody waits. */
export const handler = withGFlux(gflux, placeOrder)
