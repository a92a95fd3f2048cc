import type { NextConfig } from 'next'

const config: NextConfig = {
  // This folder, though another lock file lies above it.
  outputFileTracingRoot: process.cwd(),
  turbopack: { root: process.cwd() },
}

export default config
