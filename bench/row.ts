/** One line of the report. */
export interface Row {
  readonly what: string
  readonly ours: Measure
  /** What ours is held against, measured in the same run. */
  readonly baseline?: Measure
  /** Ours by baseline; the median over the rounds where there were several. */
  readonly ratio?: number
  readonly goal?: string
  /** Whether the goal is met; absent where there is none. */
  readonly isMet?: boolean
}

interface Measure {
  readonly value: number
  readonly unit: string
}

const COLUMNS = ['what', 'ours', 'baseline', 'ratio', 'goal', 'ok?'] as const

export function formatTable(rows: readonly Row[]): string {
  const lines = [[...COLUMNS], ...rows.map(cellsOf)]
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((cells) => (cells[column] ?? '').length)))
  const format = (cells: readonly string[]): string => alignCells(cells, widths)
  const [head = [], ...body] = lines
  return [format(head), widths.map((each) => '-'.repeat(each)).join('  '), ...body.map(format)].join('\n')
}

function alignCells(cells: readonly string[], widths: readonly number[]): string {
  const aligned = widths.map((width, column) => {
    const cell = cells[column] ?? ''
    return isText(column) ? cell.padEnd(width) : cell.padStart(width)
  })
  return aligned.join('  ').trimEnd()
}

function cellsOf({ what, ours, baseline, ratio, goal, isMet }: Row): string[] {
  const verdict = isMet === undefined ? '' : isMet ? 'yes' : 'NO'
  return [what, show(ours), baseline ? show(baseline) : '', ratio?.toFixed(2) ?? '', goal ?? '', verdict]
}

function show({ value, unit }: Measure): string {
  const digits = Number.isInteger(value) || value >= 100 ? 0 : value >= 10 ? 1 : 2
  const text = value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return `${text} ${unit}`.trim()
}

function isText(column: number): boolean {
  return column === 0 || column > 3
}
