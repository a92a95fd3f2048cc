/**
 * Measures the built package and reports, losses included; sets no exit code. Numbers are only compared within a run.
 *
 * Arguments: `--json` for JSON, `--only=<name>` for one measurement.
 */
import { parseArgs } from 'node:util'
import { measureBurst } from './burst.ts'
import { measureCloudflare } from './cloudflare.ts'
import { measureDrain } from './drain.ts'
import { measureEnqueue } from './enqueue.ts'
import { measureImport } from './import-cost.ts'
import { measureLambda } from './lambda.ts'
import { measureMemory } from './memory.ts'
import { formatTable, type Row } from './row.ts'
import { measureServer } from './server.ts'
import { measureSize } from './size.ts'
import { measureTrack } from './track.ts'
import { measureVercel } from './vercel.ts'

const MEASUREMENTS: Readonly<Record<string, () => Promise<Row[]>>> = {
  track: measureTrack,
  enqueue: measureEnqueue,
  memory: measureMemory,
  drain: measureDrain,
  burst: measureBurst,
  cloudflare: measureCloudflare,
  lambda: measureLambda,
  import: measureImport,
  server: measureServer,
  size: measureSize,
  vercel: measureVercel,
}

const { values } = parseArgs({ options: { json: { type: 'boolean' }, only: { type: 'string' } } })
const rows: Row[] = []
for (const [name, measure] of Object.entries(MEASUREMENTS)) {
  if (values.only !== undefined && values.only !== name) continue
  if (!values.json) console.error(`measuring ${name} ...`)
  rows.push(...(await measure()))
}
console.log(values.json ? JSON.stringify(rows, null, 2) : `\n${formatTable(rows)}`)
