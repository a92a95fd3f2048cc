import type { EventContext } from '../../src/index.ts'

interface Origin {
  readonly cf?: { readonly colo?: string }
  readonly headers?: Pick<Headers, 'get'>
}

interface Versioned {
  /** https://developers.cloudflare.com/workers/runtime-apis/bindings/version-metadata/ */
  readonly CF_VERSION_METADATA?: { readonly id?: string; readonly tag?: string }
}

/**
 * `colo` (the data centre) and `ray_id` of a request, and the Worker's `script_version` where its `env` has a binding
 * `CF_VERSION_METADATA`; each where there is one.
 *
 * @example
 * ```ts
 * export default withGFlux(config, handlers, { context: cloudflareContext })
 * ```
 */
export function cloudflareContext(event?: unknown, env?: unknown): EventContext {
  const { cf, headers } = Object(event) as Origin
  const { CF_VERSION_METADATA: version } = Object(env) as Versioned
  return {
    colo: cf?.colo,
    ray_id: headers?.get('cf-ray') ?? undefined,
    script_version: version?.id,
  }
}
