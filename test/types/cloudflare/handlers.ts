import { type GFluxNode, type GFluxNodeConfig, initGFluxNode } from '@getfluxly/node'
import { cloudflareContext, queueRelay, relayConsumer, withGFlux } from '@getfluxly/node/cloudflare'

interface Env {
  readonly TOKEN: string
  readonly INGEST: Fetcher
  readonly EVENTS: Queue
}

interface Events {
  order_placed: { order_id: string }
}

const config = (env: Env): GFluxNodeConfig => ({ token: env.TOKEN, fetch: env.INGEST })

// What a router takes for `ctx`.
declare const router: {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response>
}

// The parameters of inline handlers have types, and what is exported is what the runtime takes.
export const inline = withGFlux(config, {
  async fetch(request, env, ctx, gflux) {
    ctx.waitUntil(gflux.track('order_placed', { userId: request.url + env.TOKEN }))
    return await router.fetch(request, env, ctx)
  },
  async scheduled(controller, env, _ctx, gflux) {
    await gflux.track('ran', { userId: controller.cron + env.TOKEN })
  },
  async queue(batch, _env, _ctx, gflux) {
    for (const message of batch.messages) await gflux.track('taken', { userId: message.id })
    batch.ackAll()
  },
  async email(message, _env, _ctx, gflux) {
    await gflux.track('received', { userId: message.from })
    await message.forward('someone@example.com')
  },
  async tail(events, _env, _ctx, gflux) {
    await gflux.track('failed', { userId: events[0]?.outcome ?? 'none' })
  },
  trace: async (traces, _env, _ctx, gflux) => gflux.track('failed', { userId: traces[0]?.outcome ?? 'none' }),
}) satisfies ExportedHandler<Env>

// So have those that are annotated with the runtime's types.
export const annotated = withGFlux(
  config,
  {
    async fetch(request: Request<unknown, IncomingRequestCfProperties>, env: Env, ctx: ExecutionContext) {
      ctx.passThroughOnException()
      return Response.json([request.cf?.colo, env.TOKEN])
    },
    queue(batch: MessageBatch<{ id: string }>) {
      batch.messages[0]?.body.id.toUpperCase()
    },
    email: (message: ForwardableEmailMessage) => message.setReject('no'),
    tail: (events: TraceItem[]) => console.log(events[0]?.scriptName),
  },
  { context: cloudflareContext, timeoutMs: 1000 },
) satisfies ExportedHandler<Env, { id: string }>

// So has what gives the context.
withGFlux(config, annotated, {
  context: (event: Request, { TOKEN }: Env) => ({ path: new URL(event.url).pathname, token: TOKEN }),
})
withGFlux(config, annotated, {
  // @ts-expect-error not annotated it is unknown
  context: (event) => ({ path: event.url }),
})
withGFlux(config, annotated, { context: undefined })
// @ts-expect-error it is a context
withGFlux(config, annotated, { context: (event: Request) => event.url })

// What a test calls is there, and only what was given.
// Older types of the runtime have less in `ctx`.
inline.scheduled(
  {} as ScheduledController,
  {} as Env,
  {} as Pick<ExecutionContext, 'waitUntil' | 'passThroughOnException'>,
)
export const called: Promise<Response> = annotated.fetch(
  new Request('https://example.com') as Request<unknown, IncomingRequestCfProperties>,
  {} as Env,
  {} as ExecutionContext,
)
// @ts-expect-error there is no such handler
annotated.scheduled
// @ts-expect-error nobody hands the wrapped handler a client
inline.fetch({} as Request, {} as Env, {} as ExecutionContext, {} as GFluxNode)

// A client's events are those of its handlers.
const typed = (env: Env): GFluxNode<Events> => initGFluxNode<Events>(config(env))
withGFlux(typed, {
  async fetch(_request, _env, _ctx, gflux) {
    gflux.track('order_placed', { userId: 'user_1', properties: { order_id: '1' } })
    // @ts-expect-error there is no such event
    gflux.track('order_lost', { userId: 'user_1' })
    return new Response('ok')
  },
})
withGFlux(initGFluxNode<Events>({ token: 't' }), {
  async scheduled(_controller, _env, _ctx, gflux) {
    // @ts-expect-error there is no such event
    await gflux.track('order_lost', { userId: 'user_1' })
  },
})
// @ts-expect-error a response is missing
withGFlux(config, { fetch: async () => 'ok' })
// @ts-expect-error there is no such option
withGFlux(config, { fetch: async () => new Response() }, { flushAt: 1 })

// A queue binding relays, and its consumer is a queue handler.
const relayed = (env: Env): GFluxNodeConfig => ({
  token: env.TOKEN,
  fetch: queueRelay(env.EVENTS, { fetch: env.INGEST }),
})
export const relay = withGFlux(relayed, {
  fetch: async () => new Response('ok'),
  queue: relayConsumer(relayed),
}) satisfies ExportedHandler<Env>
export const consumer: ExportedHandler<Env> = { queue: relayConsumer(config) }
