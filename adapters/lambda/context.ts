import type { EventContext } from '../../src/index.ts'
import type { LambdaContext } from './platform.ts'
import { isFirst, runningContext } from './running.ts'

/** What is the same in every invocation. */
let fixed: EventContext | undefined

/**
 * The context of an invocation, in the names that Powertools' Logger has for it: `service` (from
 * `POWERTOOLS_SERVICE_NAME`), `function_name`, `function_version`, `region`, and, within an invocation,
 * `function_request_id`, `cold_start`, `xray_trace_id` and `tenant_id`, each where there is one.
 *
 * @param context Lambda's context object. @default that of the invocation that the calling code belongs to, where the
 *   wrapped client has a function as its `defaultContext`; else pass it
 *
 * @example
 * ```ts
 * const gflux = initGFluxNode({ token: process.env.GFLUX_SERVER_TOKEN!, defaultContext: lambdaContext })
 * ```
 */
export function lambdaContext(context: LambdaContext | undefined = runningContext()): EventContext {
  const { env } = process
  // Not through Powertools' helpers: their module sets `globalThis.awslambda` when it is imported.
  fixed ??= {
    service: env['POWERTOOLS_SERVICE_NAME']?.trim() || undefined,
    function_name: env['AWS_LAMBDA_FUNCTION_NAME'],
    function_version: env['AWS_LAMBDA_FUNCTION_VERSION'],
    region: env['AWS_REGION'],
  }
  if (!context) return fixed
  const { awsRequestId, tenantId, xRayTraceId = env['_X_AMZN_TRACE_ID'] } = context
  return {
    ...fixed,
    function_request_id: awsRequestId,
    // An environment with provisioned concurrency is warm before it is first used.
    cold_start: isFirst(context) && env['AWS_LAMBDA_INITIALIZATION_TYPE'] !== 'provisioned-concurrency',
    xray_trace_id: /Root=([^;]+)/.exec(xRayTraceId ?? '')?.[1],
    tenant_id: tenantId,
  }
}
