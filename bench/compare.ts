/** Work that is measured: returns milliseconds, so that what it needs beforehand stays out of them. */
export type Timed = () => number | Promise<number>

export interface Comparison {
  /** Median milliseconds. */
  readonly ours: number
  /** Median milliseconds. */
  readonly baseline: number
  /** Median of the rounds' ratios: the two of a round met the same noise. */
  readonly ratio: number
  /** Median of the rounds' differences, in milliseconds. */
  readonly added: number
}

/** Takes turns, changing who goes first, after rounds that only warm up. */
export async function compare(
  { ours, baseline }: { ours: Timed; baseline: Timed },
  { rounds, warmUps = 2 }: { rounds: number; warmUps?: number },
): Promise<Comparison> {
  const times: { ours: number; baseline: number }[] = []
  for (let round = 0; round < warmUps + rounds; round++) {
    const isOursFirst = round % 2 === 0
    const early = await (isOursFirst ? ours : baseline)()
    const late = await (isOursFirst ? baseline : ours)()
    if (round >= warmUps)
      times.push(isOursFirst ? { ours: early, baseline: late } : { ours: late, baseline: early })
  }
  return {
    ours: median(times.map((time) => time.ours)),
    baseline: median(times.map((time) => time.baseline)),
    ratio: median(times.map((time) => time.ours / time.baseline)),
    added: median(times.map((time) => time.ours - time.baseline)),
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}
