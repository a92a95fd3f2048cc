// Prints `N passed, N failed` for runs of the test commands of which the worst exited with the given status.
import { readFileSync } from 'node:fs'

const status = Number(process.argv[2])
let passed = 0
let failed = 0
for (const name of ['results', 'results-runtimes']) {
  try {
    const results = JSON.parse(readFileSync(`.ci/${name}.json`, 'utf8'))
    passed += results.numPassedTests
    failed += results.numTotalTests - results.numPassedTests
  } catch {
    failed += 1 // the run ended before the tests did
  }
}
// A check other than a test failed: format, lint, types, package or size.
if (status !== 0 && failed === 0) failed = 1
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = status || (failed > 0 || passed === 0 ? 1 : 0)
