// Names what failed and prints `N passed, N failed`, for runs of the test commands of which the worst exited with the given status.
import { readFileSync } from 'node:fs'

const status = Number(process.argv[2])
let passed = 0
const failures = []
for (const name of ['results', 'results-runtimes']) {
  try {
    const results = JSON.parse(readFileSync(`.ci/${name}.json`, 'utf8'))
    const tests = results.testResults.flatMap(({ name: file, message, assertionResults }) =>
      // A file that could not be loaded has a message and no tests.
      message && !assertionResults.length
        ? [{ file, status: 'failed', fullName: 'the file itself', failureMessages: [message] }]
        : assertionResults.map((test) => ({ ...test, file })),
    )
    passed += tests.filter((test) => test.status === 'passed').length
    failures.push(...tests.filter((test) => test.status !== 'passed'))
  } catch (error) {
    failures.push({ file: name, fullName: 'ended before its tests did', failureMessages: [String(error)] })
  }
}
if (status !== 0 && !failures.length) {
  const fullName = 'no test, but a check (format, lint, types, package or size) or an error outside of tests'
  failures.push({ file: 'a test command', fullName, failureMessages: [] })
}
for (const { file, fullName, failureMessages } of failures) {
  console.log(
    `FAILED ${file.replace(`${process.cwd()}/`, '')} > ${fullName}\n${failureMessages.join('\n')}\n`,
  )
}
console.log(`${passed} passed, ${failures.length} failed`)
process.exitCode = failures.length || !passed ? 1 : 0
