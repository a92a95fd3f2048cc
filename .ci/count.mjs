// Prints `N passed, N failed` for a run of the test command that exited with the given status.
import { readFileSync } from 'node:fs'

const status = Number(process.argv[2])
let passed = 0
let failed = 0
try {
  const results = JSON.parse(readFileSync('.ci/results.json', 'utf8'))
  passed = results.numPassedTests
  failed = results.numTotalTests - passed
} catch {
  failed = 1 // the run ended before the tests did
}
// A check other than a test failed: format, lint, types, package or size.
if (status !== 0 && failed === 0) failed = 1
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = status || (failed > 0 || passed === 0 ? 1 : 0)
