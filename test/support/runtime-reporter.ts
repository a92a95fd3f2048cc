import type { Reporter, TestCase, TestModule } from 'vitest/node'

/** One line for each runtime, by the titles of the outermost suites: `on Node v18.20.8`. */
// biome-ignore lint/style/noDefaultExport: Vitest asks for one
export default class RuntimeReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const runtimes = new Map<string, { passed: number; failed: number }>()
    for (const test of modules.flatMap((module) => [...module.children.allTests()])) {
      const counts = runtimes.get(runtimeOf(test)) ?? { passed: 0, failed: 0 }
      runtimes.set(runtimeOf(test), counts)
      if (test.result().state === 'passed') counts.passed++
      else counts.failed++
    }
    const lines = [...runtimes].map(
      ([name, { passed, failed }]) => `${name}: ${passed} passed, ${failed} failed`,
    )
    console.log(`\n${lines.sort().join('\n')}`)
  }
}

function runtimeOf({ parent, module }: TestCase): string {
  let suite = parent
  let name = ''
  while (suite.type === 'suite') {
    name = suite.name
    suite = suite.parent
  }
  return /^on (.+)/.exec(name)?.[1] ?? `others, of ${module.relativeModuleId}`
}
