export type { GFluxServerConfig } from './options.ts'
export { initGFluxServer } from './server.ts'
