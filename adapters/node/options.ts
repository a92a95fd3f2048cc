import { expect, plainObject } from '../../src/adapter.ts'
import type { GFluxNodeConfig } from '../../src/index.ts'

/** The options of {@link initGFluxServer}. `undefined` means the default. */
export interface GFluxServerConfig extends GFluxNodeConfig {
  /** Background flush interval in milliseconds; 0 for none. Its timer holds no process open. @default 5000 */
  flushIntervalMs?: number | undefined
  /**
   * Drains the queue on SIGTERM and SIGINT, within 5 seconds. Then the process ends by the signal, unless another
   * listener is there to end it. @default true
   */
  handleSignals?: boolean | undefined
}

const DEFAULTS = { flushIntervalMs: 5000, handleSignals: true }

type Resolved = GFluxServerConfig & { [Key in keyof typeof DEFAULTS]: (typeof DEFAULTS)[Key] }

/** Fills in the defaults; the core checks its own options. */
export function resolveServerConfig(config: GFluxServerConfig): Resolved {
  const given = Object.entries(plainObject('config', config)).filter(([, value]) => value !== undefined)
  const resolved: Resolved = { ...DEFAULTS, token: '', ...Object.fromEntries(given) }
  const { handleSignals } = resolved
  expect(typeof handleSignals === 'boolean', 'handleSignals', 'a boolean', handleSignals)
  return resolved
}
