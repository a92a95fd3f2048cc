import type { MiddlewareLikeObj } from '@aws-lambda-powertools/commons/types'
import { type GFluxNode, initGFluxNode } from '@getfluxly/node'
import { gfluxMiddleware, withGFlux } from '@getfluxly/node/lambda'
import middy from '@middy/core'
import type { Context, Handler, SQSEvent } from 'aws-lambda'

interface Result {
  ok: number
}

const gflux: GFluxNode = initGFluxNode({ token: 't' })
const flushing = gfluxMiddleware(gflux)
const plain: middy.MiddlewareObj = { before: () => undefined }
const traced: middy.MiddlewareObj<{ trace: string }, unknown, Error, Context & { span: string }> = {}
const configured: middy.MiddlewareObj<unknown, unknown, Error, Context, { config: { limit: number } }> = {}
declare const powertools: MiddlewareLikeObj

const handle = async ({ Records }: SQSEvent, { functionName }: Context): Promise<Result> => ({
  ok: Records.length + functionName.length,
})

// Before and after others, alone and in a list, the handler keeps its event, its result and its context.
const handlers = [
  middy<SQSEvent, Result>().use(flushing).handler(handle),
  middy<SQSEvent, Result>().use([flushing]).handler(handle),
  middy<SQSEvent, Result>().use(flushing).use(plain).use(powertools).handler(handle),
  middy<SQSEvent, Result>().use(powertools).use(plain).use(flushing).handler(handle),
  middy<SQSEvent, Result>().use([plain, powertools, flushing]).handler(handle),
  middy(handle, { requestEnd: flushing.requestEnd }).use(flushing).use(plain).use([powertools, flushing]),
  withGFlux(gflux, middy(handle)).use(flushing),
]
export const typed: readonly Handler<SQSEvent, Result>[] = handlers
export const inline = middy<SQSEvent, Result>()
  .use(flushing)
  .handler(async (event, context) => {
    const count: number = event.Records.length
    const name: string = context.functionName
    // @ts-expect-error the event is none of any kind
    event.anything
    // @ts-expect-error nor is the context
    context.anything
    return { ok: count + name.length }
  })
const typedChain = middy<SQSEvent, Result>().use(flushing)
// @ts-expect-error a result of another kind
typedChain.handler(async () => ({ no: 1 }))
// @ts-expect-error an event of another kind
inline('event', {} as Context)

// What other middleware add stays.
export const extended = middy<SQSEvent, Result>()
  .use(traced)
  .use(configured)
  .use(flushing)
  .before(async (request) => {
    const limit: number = request.internal.config.limit
    await flushing.after(request)
    return limit
  })
  .handler(async ({ trace, Records }, { span }) => ({ ok: Records.length + trace.length + span.length }))
