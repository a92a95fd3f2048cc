/** What is read of Node's `process`. Vercel's edge runtime has none, or one with `env` alone. */
interface NodeProcess {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly title?: string
  exit?: (code?: number) => void
  readonly on?: (event: 'exit', listener: () => void) => void
  readonly cwd?: () => string
  /** From Node 20.16 and 22.3 on. https://nodejs.org/api/process.html#processgetbuiltinmoduleid */
  readonly getBuiltinModule?: (id: string) => unknown
}

interface Require {
  (id: string): unknown
  /** All modules of the process, by path. */
  readonly cache: object
}

interface BuiltinModules {
  'node:async_hooks': Pick<Globals, 'AsyncLocalStorage'>
  'node:module': { createRequire(path: string): Require }
}

/** What is used of an `AsyncLocalStorage`. */
export interface InvocationStorage<Store> {
  run<Result>(store: Store, code: () => Result): Result
  getStore(): Store | undefined
}

/** What keeps an invocation running after its response. */
export interface LifetimeSource {
  waitUntil(promise: Promise<unknown>): void
}

/** Vercel's context of a request. https://github.com/vercel/vercel/blob/main/packages/functions/src/get-context.ts */
export interface RequestContext extends Partial<LifetimeSource> {
  /** When the invocation ends: whatever `new Date()` takes. */
  readonly deadline?: unknown
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
}

/** Gives the context of the request that the calling code belongs to. */
interface ContextProvider {
  get?(): RequestContext | undefined
}

interface Globals {
  readonly process?: NodeProcess
  /** Next's servers and Vercel's edge runtime have it here. */
  readonly AsyncLocalStorage?: new <Store>() => InvocationStorage<Store>
  readonly Netlify?: { readonly context?: unknown }
  readonly navigator?: { readonly userAgent?: string }
  /** A name on Vercel, an object with `waitUntil` on Supabase. */
  readonly EdgeRuntime?: unknown
  readonly [key: symbol]: unknown
}

/** Looked at by way of a name of our own: bundlers for the edge warn of every `process` that they find. */
export const globals: Globals = globalThis as unknown as Globals

/** A module of Node's, where there really is one: an emulation of Node may give nothing, or throw. */
export function builtinModule<Id extends keyof BuiltinModules>(id: Id): BuiltinModules[Id] | undefined {
  try {
    return globals.process?.getBuiltinModule?.(id) as BuiltinModules[Id] | undefined
  } catch {
    return undefined // then it is not there
  }
}

export function env(name: string): string | undefined {
  return globals.process?.env?.[name]
}

/**
 * What a provider gives for the calling code's request: nothing where there is none, or where it fails.
 *
 * @param name of the provider's symbol, such as `@vercel/request-context`
 */
export function requestContext(name: string): RequestContext | undefined {
  try {
    return (globals[Symbol.for(name)] as ContextProvider | undefined)?.get?.()
  } catch {
    return undefined // a provider of whoever runs us: its failures must not become the request's
  }
}

/** Set by `next build` for itself and its workers. */
export function isBuilding(): boolean {
  return env('NEXT_PHASE') === 'phase-production-build'
}

const serverlessVariables = ['NETLIFY', 'AWS_LAMBDA_FUNCTION_NAME', 'FUNCTIONS_WORKER_RUNTIME', 'K_SERVICE']

/** `vercel env pull` writes `VERCEL` for one's own machine too, as the environment `development`, which no deployment is. */
function isOnVercel(): boolean {
  return Boolean(env('VERCEL')) && env('VERCEL_ENV') !== 'development'
}

function isWorker(): boolean {
  return globals.navigator?.userAgent === 'Cloudflare-Workers'
}

/** Does this Edge code run in somebody's own process, as under `next start`? No signal reaches it there. */
export function isSelfHostedEdge(): boolean {
  return typeof globals.EdgeRuntime === 'string' && !isOnVercel() && !isWorker()
}

/** May the CPU be taken away after the response? Everywhere but in a process of its own. */
export function isServerless(): boolean {
  const isOwn = globals.process?.cwd && typeof globals.EdgeRuntime !== 'string' && !isWorker()
  return !isOwn || isOnVercel() || serverlessVariables.some(env)
}
