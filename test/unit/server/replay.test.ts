import { describe, expect, it } from 'vitest'
import { type RestoredBatch, replay } from '../../../adapters/node/replay.ts'
import type { SpoolRecord } from '../../../adapters/node/spool-record.ts'

const event = (id: number, key: string): SpoolRecord => ({
  kind: 'event',
  key,
  id,
  json: `{"event":"e${id}"}`,
})
const batch = (key: string, ...ids: number[]): SpoolRecord => ({ kind: 'batch', key, ids })
const settled = (key: string): SpoolRecord => ({ kind: 'settled', key })

function outline(batches: RestoredBatch[]): [key: string, ids: number[]][] {
  return batches.map(({ key, ids }) => [key, ids])
}

describe('what a file’s records come to', () => {
  it('events of one key are one batch, in their order', () => {
    const batches = replay([event(1, 'a'), event(2, 'a'), event(3, 'b')])

    expect(outline(batches)).toEqual([
      ['a', [1, 2]],
      ['b', [3]],
    ])
    expect(batches[0]?.events).toEqual([
      { name: 'e1', json: '{"event":"e1"}', bytes: 14, key: 'a' },
      { name: 'e2', json: '{"event":"e2"}', bytes: 14, key: 'a' },
    ])
  })

  it('a settled batch is gone', () => {
    expect(outline(replay([event(1, 'a'), event(2, 'b'), settled('a')]))).toEqual([['b', [2]]])
  })

  it('the last attempt counts', () => {
    const [restored] = replay([
      event(1, 'a'),
      { kind: 'attempt', key: 'a', attemptedAt: 5 },
      { kind: 'attempt', key: 'a', attemptedAt: 9 },
    ])

    expect(restored?.unknownSince).toBe(9)
  })

  it('an attempt that is still to come was made by a clock that was set back since: its key has expired', () => {
    const attemptedAt = Date.now() + 48 * 3_600_000

    const [restored] = replay([event(1, 'a'), { kind: 'attempt', key: 'a', attemptedAt }])

    expect(restored?.unknownSince).toBe(0)
  })

  it('an attempt that failed counts no more, in whatever order the two were written', () => {
    const [first, second] = replay([
      event(1, 'a'),
      event(2, 'b'),
      { kind: 'attempt', key: 'a', attemptedAt: 5 },
      { kind: 'failed', key: 'a', attemptedAt: 5 },
      { kind: 'attempt', key: 'b', attemptedAt: 5 },
      { kind: 'attempt', key: 'b', attemptedAt: 9 },
      { kind: 'failed', key: 'b', attemptedAt: 5 },
    ])

    expect([first?.unknownSince, second?.unknownSince]).toEqual([undefined, 9])
  })

  it('a batch that was split is its halves', () => {
    const records = [
      event(1, 'a'),
      event(2, 'a'),
      event(3, 'a'),
      batch('b', 1),
      batch('c', 2, 3),
      settled('b'),
    ]

    expect(outline(replay(records))).toEqual([['c', [2, 3]]])
  })

  it('what is left of a batch that was split in part gets a key of its own, for the old one was refused', () => {
    const batches = replay([event(1, 'a'), event(2, 'a'), batch('b', 1)])

    expect(outline(batches)).toEqual([
      ['b', [1]],
      [expect.stringMatching(/^[\da-f-]{36}$/), [2]],
    ])
    expect(batches[1]?.events[0]?.key).toBe('a')
  })

  it('a line that is there twice counts once: it was under way when the file was written anew', () => {
    const records = [event(1, 'b'), event(2, 'b'), event(1, 'a'), batch('b', 1, 2)]

    expect(outline(replay(records))).toEqual([['b', [1, 2]]])
  })

  it('a record of what is not there is nothing', () => {
    expect(replay([batch('b', 7), settled('c'), { kind: 'attempt', key: 'd', attemptedAt: 1 }])).toEqual([])
  })
})
