import { version } from './version.ts'

interface RuntimeGlobals {
  navigator?: { userAgent?: string }
  document?: unknown
  EdgeRuntime?: unknown
  Deno?: unknown
  Bun?: unknown
  process?: { version?: string; platform?: string; arch?: string; versions?: { node?: string } }
}

const globals: RuntimeGlobals = globalThis as RuntimeGlobals

/**
 * The runtime that is really running. Bun, Deno and Workers with `nodejs_compat` have a `process` too, so Node comes
 * last.
 */
function detectRuntime(): string {
  if (globals.navigator?.userAgent === 'Cloudflare-Workers') return 'workerd'
  if (globals.EdgeRuntime) return 'edge-light'
  if (globals.Deno) return 'deno'
  if (globals.Bun) return 'bun'
  return globals.process?.versions?.node ? 'node' : 'unknown'
}

export function isBrowser(): boolean {
  return !!globals.document || /^Mozilla/.test(globals.navigator?.userAgent as string)
}

/** The fields that tell the API's logs what sent an event. They win over the caller's. */
export function auditContext(includeRuntimeContext: boolean): Record<string, unknown> {
  const audit = { library: `gflux-node/${version}`, runtime: detectRuntime() }
  if (!includeRuntimeContext) return audit
  const { version: nodeVersion, platform, arch } = globals.process ?? {}
  return { node_version: nodeVersion, platform, arch, ...audit }
}
