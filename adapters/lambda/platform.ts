/**
 * What is read of Lambda's context object; a test's own needs to have none of it.
 * https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html
 */
export interface LambdaContext {
  readonly awsRequestId?: string | undefined
  /** In tenant isolation mode. */
  readonly tenantId?: string | undefined
  /** From Node 24 on; before that in `_X_AMZN_TRACE_ID`. */
  readonly xRayTraceId?: string | undefined
  readonly getRemainingTimeInMillis?: (() => number) | undefined
}

/**
 * A handler: `(event, context)`, `(event, context, callback)` or, streaming, `(event, responseStream, context)`.
 */
// biome-ignore lint/suspicious/noExplicitAny: only `any` lets every handler through and leaves an inline one's parameters usable
export type LambdaHandler = (...args: any[]) => unknown

/** Answers for a handler with a callback. */
export type LambdaCallback = (error?: unknown, result?: unknown) => void

/** What `awslambda.streamifyResponse` sets. https://github.com/aws/aws-lambda-nodejs-runtime-interface-client */
const streaming: unique symbol = Symbol.for('aws.lambda.runtime.handler.streaming')

export function isStreaming(handler: LambdaHandler): boolean {
  return (handler as { [streaming]?: unknown })[streaming] === 'response'
}
