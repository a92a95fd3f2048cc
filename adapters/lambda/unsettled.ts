import type { LambdaContext } from './platform.ts'

interface Unsettled {
  readonly context: LambdaContext | undefined
  end(): Promise<void>
  endHandler(): void
}

let open: Set<Unsettled> | undefined

/**
 * The handler of this invocation has not settled yet. In an empty event loop it can't any more: AWS's client 3 answers
 * `null` then and goes on, and with 4 the process exits. So the invocation is ended then.
 */
export function addUnsettled(invocation: Unsettled): void {
  open ??= watchBeforeExit()
  endEarlier(invocation.context)
  open.add(invocation)
}

/**
 * Lambda runs one invocation at a time but for Managed Instances: when the next one begins, an earlier one is over, also
 * where nobody told, such as by a callback that is never called.
 */
function endEarlier(context: LambdaContext | undefined): void {
  const { AWS_LAMBDA_RUNTIME_API: host, AWS_LAMBDA_MAX_CONCURRENCY: concurrency } = process.env
  if (!host || concurrency) return
  for (const other of open ?? [])
    if (other.context?.awsRequestId !== context?.awsRequestId) other.endHandler()
}

export function removeUnsettled(invocation: Unsettled): void {
  open?.delete(invocation)
}

function watchBeforeExit(): Set<Unsettled> {
  const invocations = new Set<Unsettled>()
  process.on('beforeExit', () => {
    for (const invocation of invocations) void invocation.end()
  })
  return invocations
}
