import { withGFlux } from '@getfluxly/node/lambda'
import type { LambdaFunctionURLEvent } from 'aws-lambda'
import { gflux } from './client.ts'
import { placeOrder } from './orders.ts'

/** A stream is complete when it ends: the flush that follows delays nothing, without after-response mode. */
export const handler = awslambda.streamifyResponse(
  withGFlux(gflux, async (event: LambdaFunctionURLEvent, stream: awslambda.HttpResponseStream) => {
    const { statusCode, body } = await placeOrder(event)
    const response = awslambda.HttpResponseStream.from(stream, { statusCode })
    for (const character of body) response.write(character)
    response.end()
  }),
)
