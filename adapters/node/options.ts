import { resolve } from 'node:path'
import { expect, expectNumber, plainObject } from '../../src/adapter.ts'
import type { GFluxNodeConfig } from '../../src/index.ts'
import { maxFolderBytes, shortestPath } from './spool-owner.ts'

/** The options of {@link initGFluxServer}. `undefined` means the default. */
export interface GFluxServerConfig extends GFluxNodeConfig {
  /** Background flush interval in milliseconds; 0 for none. Its timer holds no process open. @default 5000 */
  flushIntervalMs?: number | undefined
  /**
   * Drains the queue on SIGTERM and SIGINT, within 5 seconds. Then the process ends by the signal, unless another
   * listener is there to end it. @default true
   */
  handleSignals?: boolean | undefined
  /**
   * A folder on a local disk where events outlive the process: `track()` resolves when its event is durable there, and
   * what a process left behind is sent by the next one. Any number of processes may share it. Its absolute path has at
   * most 77 bytes, the address of a unix socket being as short as it is. @default none
   */
  spool?: string | undefined
  /**
   * Bytes that the spool may take. More events are in memory alone, or where that is full as well, refused with
   * `queue_overflow`. @default 104857600 (100 MB)
   */
  maxSpoolBytes?: number | undefined
}

type Resolved = GFluxServerConfig & { handleSignals: boolean; maxSpoolBytes: number }

/** Fills in the defaults; the core checks its own options. */
export function resolveServerConfig(config: GFluxServerConfig): Resolved {
  const {
    flushIntervalMs = 5000,
    handleSignals = true,
    maxSpoolBytes = 100 * 1024 * 1024,
    spool,
    ...core
  } = plainObject<GFluxServerConfig>('config', config)
  expect(typeof handleSignals === 'boolean', 'handleSignals', 'a boolean', handleSignals)
  if (spool !== undefined) assertFolder(spool)
  const isCount = Number.isInteger(maxSpoolBytes) && maxSpoolBytes > 0
  expectNumber(isCount, 'maxSpoolBytes', 'a positive integer', maxSpoolBytes)
  return { ...core, flushIntervalMs, handleSignals, maxSpoolBytes, spool }
}

function assertFolder(spool: unknown): void {
  expect(typeof spool === 'string' && spool, 'spool', 'the path of a folder', spool)
  const path = resolve(spool)
  const isShort = Buffer.byteLength(shortestPath(path)) <= maxFolderBytes
  const bytes = `${Buffer.byteLength(path)} bytes`
  expect(isShort, 'spool', `a folder whose absolute path has at most ${maxFolderBytes} bytes`, path, bytes)
}
