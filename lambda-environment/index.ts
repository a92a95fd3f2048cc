export type { ExtensionFaults } from './extension-faults.ts'
export type {
  Invocation,
  InvocationError,
  InvocationResponse,
  InvokeOptions,
  ResponseChunk,
} from './invocation.ts'
export { type LambdaEnvironment, startLambdaEnvironment } from './lambda-environment.ts'
export type { LogDetails, LogKind, LogRecord } from './log.ts'
export type { EnvironmentOptions } from './options.ts'
export type { Exit } from './process.ts'
export type { Shutdown } from './shutdown.ts'
