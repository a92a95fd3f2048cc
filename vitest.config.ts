import { defineConfig, type UserProjectConfigExport } from 'vitest/config'

const results = process.env['VITEST_RESULTS']
const json: [string, Record<string, unknown>][] = results ? [['json', { outputFile: results }]] : []

/** What needs programs of its own, which are installed at first use, and minutes. One such project after the other. */
function slow(
  name: string,
  groupOrder: number,
  test: { include: string[]; exclude?: string[]; env?: Record<string, string> },
): UserProjectConfigExport {
  const limits = {
    testTimeout: 600_000,
    hookTimeout: 300_000,
    globalSetup: 'test/support/build.ts',
    sequence: { groupOrder },
  }
  return { test: { name, ...limits, ...test } }
}

export default defineConfig({
  test: {
    reporters: ['default', './test/support/runtime-reporter.ts', ...json],
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      { test: { name: 'property', include: ['test/property/**/*.test.ts'], testTimeout: 600_000 } },
      {
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          globalSetup: 'test/support/build.ts',
        },
      },
      {
        test: {
          name: 'runtime',
          include: ['test/runtime/**/*.test.ts'],
          exclude: ['test/runtime/vercel/next/**'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          globalSetup: 'test/support/build.ts',
        },
      },
      slow('runtimes', 1, {
        include: ['test/runtime/lambda/*.test.ts'],
        exclude: ['test/runtime/lambda/{harness*,concurrency,durable,middy}.test.ts'],
        env: { LAMBDA_RUNTIMES: 'older' },
      }),
      slow('next', 2, { include: ['test/runtime/vercel/next/*.test.ts'] }),
      slow('servers', 3, {
        include: ['test/runtime/node/*.test.ts'],
        env: { SERVER_RUNTIMES: 'all', KILLS: '200', FULL_DISK_KILLS: '40' },
      }),
      {
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          globalSetup: 'test/support/build.ts',
        },
      },
    ],
  },
})
