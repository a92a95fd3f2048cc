import { defineConfig } from 'vitest/config'

const results = process.env['VITEST_RESULTS']

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
          testTimeout: 60_000,
          hookTimeout: 120_000,
          globalSetup: 'test/support/build.ts',
        },
      },
      {
        test: {
          name: 'runtimes',
          include: ['test/runtime/{lambda,node}/*.test.ts'],
          exclude: ['test/runtime/lambda/{harness*,concurrency,durable,middy}.test.ts'],
          env: { LAMBDA_RUNTIMES: 'older', SERVER_RUNTIMES: 'all', KILLS: '200' },
          testTimeout: 600_000,
          hookTimeout: 300_000,
          globalSetup: 'test/support/build.ts',
        },
      },
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
