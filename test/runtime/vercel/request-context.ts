import { AsyncLocalStorage } from 'node:async_hooks'

const key = Symbol.for('@vercel/request-context')
const globals = globalThis as { [key: symbol]: unknown }

/** A request as Vercel's platform knows it. */
interface PlatformRequest {
  /** What was given to its `waitUntil`. */
  readonly held: Promise<unknown>[]
  /** Waits for all of it, and for what comes meanwhile. */
  readonly end: () => Promise<void>
  /** Runs code as this request's. */
  readonly run: <Result>(code: () => Result) => Result
}

interface Provider extends Disposable {
  readonly open: (context?: object) => PlatformRequest
}

/** The provider of request contexts, as the platform installs it: each request sees its own. */
export function installProvider(): Provider {
  const storage = new AsyncLocalStorage<object>()
  return {
    ...replaceProvider({ get: () => storage.getStore() }),
    open: (context = {}) => {
      const held: Promise<unknown>[] = []
      const waitUntil = (promise: Promise<unknown>): void => {
        held.push(promise)
      }
      return {
        held,
        end: async () => {
          for (let count = 0; count < held.length; ) {
            count = held.length
            await Promise.all(held)
          }
        },
        run: (code) => storage.run({ waitUntil, ...context }, code),
      }
    },
  }
}

/** Any provider, until the end of the block. */
export function replaceProvider(provider: unknown, name: symbol = key): Disposable {
  globals[name] = provider
  return {
    [Symbol.dispose]: () => {
      delete globals[name]
    },
  }
}
