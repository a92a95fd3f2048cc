export type {
  ExtensionFaults,
  Invocation,
  InvocationError,
  InvocationResponse,
  InvokeOptions,
  LogKind,
  LogRecord,
  ResponseChunk,
  Shutdown,
} from '../../../../lambda-environment/index.ts'
export { type Environment, type EnvironmentOptions, startEnvironment } from './environment.ts'
export { type LambdaRuntime, RUNTIMES } from './runtimes.ts'
