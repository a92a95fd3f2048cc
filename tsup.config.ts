import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    cloudflare: 'adapters/cloudflare/index.ts',
    lambda: 'adapters/lambda/index.ts',
    vercel: 'adapters/vercel/index.ts',
    server: 'adapters/node/index.ts',
    testing: 'ingest/index.ts',
    'testing-lambda': 'lambda-environment/index.ts',
    cli: 'ingest/cli.ts',
  },
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  external: [/^node:/],
  dts: true,
  splitting: true,
  clean: true,
  removeNodeProtocol: false,
})
