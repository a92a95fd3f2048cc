import type { Reporter, TestCase, TestModule } from 'vitest/node'

/** Of the projects that test on several runtimes, by what stands before a runtime's name. */
const projects: Readonly<Record<string, string>> = { runtimes: 'AWS Lambda, ', next: '', servers: '' }

/** One line for each runtime, by the titles of the outermost suites: `on Node v18.20.8`. Nothing where none was asked. */
// biome-ignore lint/style/noDefaultExport: Vitest asks for one
export default class RuntimeReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const runtimes = new Map<string, { passed: number; failed: number }>()
    const asked = modules.filter(({ project }) => project.name in projects)
    if (!asked.length) return
    for (const test of asked.flatMap((module) => [...module.children.allTests()])) {
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
  const [, runtime] = /(?:^| )o[nf] ((?:node|next|bun|deno).*)/i.exec(name) ?? []
  return runtime ? projects[module.project.name] + runtime : `others, of ${module.relativeModuleId}`
}
