import type { Flushable } from '../../src/index.ts'

type FlushOptions = Parameters<Flushable['flush']>[0]

/**
 * Flushes, and resolves to how many events stay queued. Never rejects: what fails is reported through the logger and
 * onDrop.
 */
export async function flushQuietly(gflux: Flushable, options: FlushOptions): Promise<number> {
  try {
    return (await gflux.flush(options)).pending
  } catch (error) {
    return Object(error).result?.pending ?? 0
  }
}
