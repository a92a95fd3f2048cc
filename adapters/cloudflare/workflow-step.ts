/** The second argument of a Workflow's `run`. */
export type WorkflowStep = Readonly<Record<string, (...args: unknown[]) => unknown>>

/**
 * The same steps, but what the code of one tracked is flushed before the step is recorded as done: after that it never
 * runs again, though the instance may be evicted and resumed.
 * https://developers.cloudflare.com/workflows/build/rules-of-workflows/
 */
export function flushingSteps(
  step: WorkflowStep,
  flushing: (call: () => unknown) => Promise<unknown>,
): WorkflowStep {
  return new Proxy(step, {
    // `step` lives elsewhere: a method of it has no `bind` or `call` but remote ones.
    get: (_, name: string) =>
      name === 'do'
        ? (...args: unknown[]) => step['do']?.(...args.map((arg) => flushingCallback(arg, flushing)))
        : (...args: unknown[]) => step[name]?.(...args),
  })
}

function flushingCallback(value: unknown, flushing: (call: () => unknown) => Promise<unknown>): unknown {
  return typeof value === 'function' ? (...args: unknown[]) => flushing(() => value(...args)) : value
}
