import type { ResolvedOptions } from './options.ts'

export const FUNCTION_NAME: string = 'function'
const REGION = 'eu-central-1'
export const FUNCTION_ARN: string = `arn:aws:lambda:${REGION}:123456789012:function:${FUNCTION_NAME}`

/**
 * The process environment of a function. Nothing of this process's own is in it.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
export function runtimeVariables(
  { taskRoot, handler, concurrency, env }: ResolvedOptions,
  runtimeApi: string,
): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    _HANDLER: handler,
    LAMBDA_TASK_ROOT: taskRoot,
    AWS_LAMBDA_RUNTIME_API: runtimeApi,
    AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${process.versions.node.split('.')[0]}.x`,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_LAMBDA_FUNCTION_NAME: FUNCTION_NAME,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${FUNCTION_NAME}`,
    AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/23/[$LATEST]0123456789abcdef',
    AWS_LAMBDA_INITIALIZATION_TYPE: concurrency === undefined ? 'on-demand' : 'lambda-managed-instances',
    ...(concurrency !== undefined && {
      AWS_LAMBDA_MAX_CONCURRENCY: String(concurrency),
      AWS_LAMBDA_NODEJS_WORKER_COUNT: '2',
    }),
    ...env,
  }
}
