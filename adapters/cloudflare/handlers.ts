import type { AnyEvents, EventMap, GFluxNode } from '../../src/index.ts'
import type { CronController, IncomingEmail, QueueBatch, TailItem, WorkerContext } from './platform.ts'

/**
 * The handlers of a Worker as `ExportedHandler` has them, each with the invocation's client as its last argument. A
 * parameter may be annotated with the type that `@cloudflare/workers-types` has for it.
 */
export interface WorkerHandlers<Env, Events extends EventMap<Events> = AnyEvents> {
  fetch?(
    request: Request,
    env: Env,
    ctx: WorkerContext,
    gflux: GFluxNode<Events>,
  ): Response | Promise<Response>
  scheduled?(controller: CronController, env: Env, ctx: WorkerContext, gflux: GFluxNode<Events>): unknown
  queue?(batch: QueueBatch, env: Env, ctx: WorkerContext, gflux: GFluxNode<Events>): unknown
  email?(message: IncomingEmail, env: Env, ctx: WorkerContext, gflux: GFluxNode<Events>): unknown
  tail?(events: TailItem[], env: Env, ctx: WorkerContext, gflux: GFluxNode<Events>): unknown
  trace?(traces: TailItem[], env: Env, ctx: WorkerContext, gflux: GFluxNode<Events>): unknown
}

export const handlerNames = ['fetch', 'scheduled', 'queue', 'email', 'tail', 'trace'] as const

/** The same handlers, as the runtime calls them. */
export type WrappedHandlers<Handlers> = {
  [Name in keyof Handlers]: Name extends (typeof handlerNames)[number]
    ? WrappedHandler<Handlers[Name]>
    : Handlers[Name]
}

type WrappedHandler<Handler> = Handler extends (
  event: infer Event,
  env: infer Env,
  ctx: infer Context,
  // biome-ignore lint/suspicious/noExplicitAny: whatever the client's events are
  gflux: any,
) => infer Result
  ? (event: Event, env: Env, ctx: Context) => Promise<Awaited<Result>>
  : Handler
