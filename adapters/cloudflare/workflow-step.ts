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
  const wrap = (value: unknown): unknown =>
    typeof value === 'function' ? (...args: unknown[]) => flushing(() => value(...args)) : value
  return new Proxy(step, {
    get(_, name: string) {
      const method: unknown = step[name]
      if (typeof method !== 'function' || name === 'constructor') return method
      // The step lives elsewhere: its methods have no `apply` but a remote one.
      return (...args: unknown[]) => step[name]?.(...args.map(wrap))
    },
  })
}
