import type { AnyEvents, EventMap, GFluxNode } from '../../src/index.ts'
import type {
  CronController,
  HandlerContext,
  IncomingEmail,
  QueueBatch,
  TailItem,
  WorkerContext,
} from './platform.ts'

/**
 * The handlers of a Worker as `ExportedHandler` has them, each with the invocation's client as its last argument. A
 * parameter may be annotated with the type that `@cloudflare/workers-types` has for it.
 */
export interface WorkerHandlers<Env, Events extends EventMap<Events> = AnyEvents> {
  fetch?(
    request: Request,
    env: Env,
    ctx: HandlerContext,
    gflux: GFluxNode<Events>,
  ): Response | Promise<Response>
  scheduled?(controller: CronController, env: Env, ctx: HandlerContext, gflux: GFluxNode<Events>): unknown
  queue?(batch: QueueBatch, env: Env, ctx: HandlerContext, gflux: GFluxNode<Events>): unknown
  email?(message: IncomingEmail, env: Env, ctx: HandlerContext, gflux: GFluxNode<Events>): unknown
  tail?(events: TailItem[], env: Env, ctx: HandlerContext, gflux: GFluxNode<Events>): unknown
  trace?(traces: TailItem[], env: Env, ctx: HandlerContext, gflux: GFluxNode<Events>): unknown
}

export const handlerNames = ['fetch', 'scheduled', 'queue', 'email', 'tail', 'trace'] as const

type HandlerName = (typeof handlerNames)[number]

// biome-ignore lint/suspicious/noExplicitAny: whatever it takes
type AnyFunction = (...args: any[]) => unknown

/** The same handlers, as the runtime calls them. `as` keeps what is expected of them out of the inference of theirs. */
export type WrappedHandlers<Handlers> = {
  [Name in keyof Handlers as Name]: Name extends 'fetch'
    ? Wrapped<Handlers[Name]>
    : Name extends HandlerName
      ? Wrapped<Handlers[Name], void>
      : Handlers[Name]
}

type Wrapped<Handler, Result = Handler extends AnyFunction ? Awaited<ReturnType<Handler>> : never> =
  // biome-ignore lint/suspicious/noExplicitAny: whatever the client's events are
  Handler extends (event: infer Event, env: infer Env, ctx: infer Context, gflux: any) => unknown
    ? (
        event: Event,
        env: Env,
        ctx: HandlerContext extends Context ? Given<Context> : Context,
      ) => Promise<Result>
    : Handler

/** What a handler's `ctx` must have to be passed in: older types of the runtime have less than {@link HandlerContext}. */
type Given<Context> = unknown extends Context ? Context : WorkerContext
