import {
  type AliasResult,
  type EraseResult,
  type FlushResult,
  type GFluxNode,
  GFluxNodeError,
  type GFluxNodeErrorCode,
  initGFluxNode,
  type RejectedEvent,
} from '../../src/index.ts'

/** Fails to compile unless both types are the same. */
type Same<Left, Right> =
  (<T>() => T extends Left ? 1 : 2) extends <T>() => T extends Right ? 1 : 2 ? true : false

function same<Left, Right>(_proof: Same<Left, Right>): void {
  // The compiler has done the work.
}

export async function results(gflux: GFluxNode): Promise<void> {
  const tracked = await gflux.track('opened')
  const flushed = await gflux.flush({ timeoutMs: 1, signal: new AbortController().signal, ifDown: 'skip' })
  const closed = await gflux.shutdown({ timeoutMs: undefined })
  const alias = await gflux.alias({ userId: 'u', previousId: 'p' })
  const erasure = await gflux.erase({ id: 'u', reason: 'internal', requestId: undefined })

  same<typeof tracked, FlushResult | null>(true)
  same<typeof flushed, FlushResult>(true)
  same<typeof closed, FlushResult>(true)
  same<typeof alias, AliasResult>(true)
  same<typeof erasure, EraseResult>(true)
  same<FlushResult['errors'], RejectedEvent[]>(true)
  same<FlushResult['accepted' | 'rejected' | 'pending'], number>(true)
  same<FlushResult['requestIds'], string[]>(true)
  // @ts-expect-error a track may not have flushed
  tracked.accepted
}

export function errors(thrown: unknown): void {
  if (GFluxNodeError.is(thrown)) {
    same<typeof thrown.code, GFluxNodeErrorCode>(true)
    same<typeof thrown.status, number | undefined>(true)
    same<typeof thrown.retryable, boolean>(true)
    same<typeof thrown.retryAfterMs, number | undefined>(true)
    same<typeof thrown.details, unknown>(true)
    same<typeof thrown.cause, unknown>(true)
    same<typeof thrown.result, FlushResult | undefined>(true)
    thrown satisfies Error
    // @ts-expect-error a code that there is not
    if (thrown.code === 'http_3xx') return
    // @ts-expect-error fields are read only
    thrown.code = 'network_error'
  }
  if (thrown instanceof GFluxNodeError) thrown.code satisfies string
}

export async function disposal(): Promise<void> {
  await using gflux = initGFluxNode({ token: 't' })
  gflux satisfies AsyncDisposable
}
