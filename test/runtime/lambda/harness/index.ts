export { type Environment, startEnvironment } from './environment.ts'
export type { ExtensionFaults } from './extension-faults.ts'
export type {
  Invocation,
  InvocationError,
  InvocationResponse,
  InvokeOptions,
  ResponseChunk,
} from './invocation.ts'
export type { LogKind, LogRecord } from './log.ts'
export type { EnvironmentOptions } from './options.ts'
export { type LambdaRuntime, RUNTIMES } from './runtimes.ts'
export type { Shutdown } from './shutdown.ts'
