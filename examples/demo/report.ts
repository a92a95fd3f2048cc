import type { IngestStatistics, WireEvent } from '@getfluxly/node/testing'

export interface Delivery {
  readonly tracked: number
  /** Events the API never stored. */
  readonly lost: number
  /** Events the API stored more than once. */
  readonly duplicates: number
}

export interface Report {
  readonly delivery: Delivery
  readonly stats: IngestStatistics
  readonly strikes: ReadonlyMap<string, number>
  /** Flushes at the end until nothing was pending. */
  readonly rounds: number
  readonly seconds: number
}

/** Holds what was tracked against what the API stored. */
export function checkDelivery(ids: readonly string[], events: readonly WireEvent[]): Delivery {
  const stored = new Set(events.map(idOf))
  return {
    tracked: ids.length,
    lost: ids.filter((id) => !stored.has(id)).length,
    duplicates: events.length - stored.size,
  }
}

export function isExactlyOnce({ lost, duplicates }: Delivery): boolean {
  return lost === 0 && duplicates === 0
}

/** The demo's own id: in the properties, or in the traits of an identify. */
function idOf({ properties = {} }: WireEvent): unknown {
  const { id, traits } = properties as { id?: string; traits?: { id?: string } }
  return id ?? traits?.id
}

export function printReport({ delivery, stats, strikes, rounds, seconds }: Report): void {
  const failed = [...strikes.values()].reduce((sum, count) => sum + count, 0)
  printTable('Events', [
    ['tracked', delivery.tracked],
    ['accepted', stats.stored],
    ['rejected', stats.rejected],
    ['duplicates', delivery.duplicates],
    ['lost', delivery.lost],
  ])
  printTable('Delivery', [
    ['requests', stats.requests],
    ['of these failed on demand', failed],
    ['replays (stored before, not again)', stats.replays],
    ['connections', stats.connections],
    ['requests in flight at most', stats.maxInFlight],
    ['flushes at the end', rounds],
    ['time', `${seconds.toFixed(1)} s`],
  ])
  printTable('Failures, and how often each struck', [...strikes])
  console.log(
    isExactlyOnce(delivery)
      ? '\nEvery event was stored exactly once.'
      : '\nEvents were lost or stored twice.',
  )
}

function printTable(
  title: string,
  rows: readonly (readonly [label: string, value: number | string])[],
): void {
  console.log(`\n${title}`)
  for (const [label, value] of rows) {
    console.log(`  ${label.padEnd(36)}${value.toLocaleString('en-US').padStart(8)}`)
  }
}
