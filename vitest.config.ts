import { defineConfig, type UserProjectConfigExport } from 'vitest/config'

const results = process.env['VITEST_RESULTS']

/** What needs programs of its own, which are installed at first use, and minutes. */
function slow(
  name: string,
  test: { include: string[]; exclude?: string[]; env?: Record<string, string> },
): UserProjectConfigExport {
  const limits = { testTimeout: 600_000, hookTimeout: 300_000, globalSetup: 'test/support/build.ts' }
  return { test: { name, ...limits, ...test } }
}

export default defineConfig({
  test: {
    reporters: results ? ['default', ['json', { outputFile: results }]] : ['default'],
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
      slow('runtimes', {
        include: ['test/runtime/lambda/*.test.ts'],
        exclude: ['test/runtime/lambda/{harness*,concurrency,durable,middy}.test.ts'],
        env: { LAMBDA_RUNTIMES: 'older' },
      }),
      slow('next', { include: ['test/runtime/vercel/next/*.test.ts'] }),
      slow('servers', {
        include: ['test/runtime/node/*.test.ts'],
        env: { SERVER_RUNTIMES: 'all', KILLS: '200' },
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
