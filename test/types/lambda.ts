import { withDurableExecution } from '@aws/durable-execution-sdk-js'
import type { HandlerMethodDecorator, MiddlewareLikeObj } from '@aws-lambda-powertools/commons/types'
import middy from '@middy/core'
import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyHandlerV2,
  APIGatewayProxyResultV2,
  Callback,
  Context,
  SQSHandler,
} from 'aws-lambda'
import {
  enableAfterResponse,
  gfluxHandler,
  gfluxMiddleware,
  lambdaContext,
  withGFlux,
} from '../../adapters/lambda/index.ts'
import { type GFluxNode, initGFluxNode } from '../../src/index.ts'

interface Events {
  order_placed: { order_id: string }
}

const gflux: GFluxNode<Events> = initGFluxNode<Events>({ token: 't', defaultContext: lambdaContext })
export const ready: Promise<void> = enableAfterResponse(gflux)

// A handler's own types come through.
export const inline: (event: { id: string }, context: Context) => Promise<{ statusCode: number }> = withGFlux(
  gflux,
  async (event: { id: string }, context: Context) => {
    await gflux.track('order_placed', { userId: context.awsRequestId, properties: { order_id: event.id } })
    return { statusCode: 200 }
  },
)
// So do those that are asked for.
export const typed: APIGatewayProxyHandlerV2 = withGFlux(gflux, async (event, context) => {
  const path: string = event.rawPath
  return { statusCode: 200, body: path + context.functionName }
})
export const queue: SQSHandler = withGFlux(gflux, async ({ Records }) => ({
  batchItemFailures: Records.map(({ messageId }) => ({ itemIdentifier: messageId })),
}))
export const called: (event: unknown, context: Context, callback: Callback<string>) => void = withGFlux(
  gflux,
  (_event: unknown, _context: Context, callback: Callback<string>) => callback(null, 'done'),
)
export const streamed: (event: unknown, stream: NodeJS.WritableStream, context: Context) => Promise<void> =
  withGFlux(gflux, async (_event: unknown, stream: NodeJS.WritableStream, _context: Context) => {
    stream.end('done')
  })
export const untyped = withGFlux(gflux, async (event, context) => [event.anything, context.awsRequestId])
export const limited = withGFlux(gflux, async () => undefined, { marginMs: 500, maxFlushMs: undefined })
export const durable = withGFlux(
  gflux,
  withDurableExecution(async (event: { id: string }, context) => context.step('s', async () => event.id)),
)
// @ts-expect-error a handler is a function
withGFlux(gflux, { handler: async () => undefined })
// @ts-expect-error the client comes first
withGFlux(async () => undefined, gflux)
// @ts-expect-error there is no such option
withGFlux(gflux, async () => undefined, { timeoutMs: 1000 })

// Middy's types, and Powertools' of middy, take the middleware.
const flushing = gfluxMiddleware(gflux)
export const powertoolsLike: MiddlewareLikeObj = flushing
export const used = middy<APIGatewayProxyEventV2, APIGatewayProxyResultV2>(
  async () => ({ statusCode: 200 }),
  {
    requestEnd: flushing.requestEnd,
  },
).use(flushing)
export const wrapped: typeof used = withGFlux(gflux, used)

// Powertools' type of a decorator fits, and so does the standard's.
export const powertoolsDecorator: HandlerMethodDecorator = gfluxHandler(gflux)
export class Orders {
  readonly name = 'orders'

  @gfluxHandler(gflux, { marginMs: 500 })
  async handler(event: { id: string }, _context: Context): Promise<string> {
    return this.name + event.id
  }
}
export const result: Promise<string> = new Orders().handler({ id: 'id' }, {} as Context)

export const bound = gflux.with({ context: lambdaContext({} as Context) })
