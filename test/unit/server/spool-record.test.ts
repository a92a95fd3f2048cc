import { crc32 as reference } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32 } from '../../../adapters/node/crc32.ts'
import { decodeRecords, encodeRecord, type SpoolRecord } from '../../../adapters/node/spool-record.ts'

const key = '0b2aec2d-c2b4-49e6-8d66-0d54ac2f13c1'
const records: SpoolRecord[] = [
  { kind: 'event', key, id: 1, json: '{"event":"opened","properties":{"text":"grüße 🎉  \\n"}}' },
  { kind: 'event', key, id: 2, json: '{"event":"closed"}' },
  { kind: 'batch', key, ids: [1, 2] },
  { kind: 'attempt', key, attemptedAt: 1_795_557_202_349 },
  { kind: 'failed', key, attemptedAt: 1_795_557_202_349 },
  { kind: 'settled', key },
]
const lines = records.map((record) => Buffer.from(encodeRecord(record)))
const file = Buffer.concat(lines)

describe('a spool’s file', () => {
  it('gives back what was written', () => {
    expect(decodeRecords(file)).toEqual({ records, damage: [] })
  })

  it('has the checksum of gzip', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => crc32(bytes) === reference(bytes)))
  })

  it('cut off anywhere, gives back the whole lines and sets the rest aside', () => {
    for (let length = 0; length <= file.length; length++) {
      const { records: read, damage } = decodeRecords(file.subarray(0, length))

      const whole = lines.filter((_, index) => Buffer.concat(lines.slice(0, index + 1)).length <= length)
      expect(read).toEqual(records.slice(0, whole.length))
      expect(Buffer.concat([...whole, ...damage])).toEqual(file.subarray(0, length))
    }
  })

  it('with a bit flipped anywhere, loses the line that it was in, and at a line’s end the next one', () => {
    for (let bit = 0; bit < file.length * 8; bit++) {
      const damaged = Buffer.from(file)
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))

      const { records: read, damage } = decodeRecords(damaged)

      expect(read.length).toBeGreaterThanOrEqual(records.length - 2)
      expect(read.length).toBeLessThan(records.length)
      expect(records).toEqual(expect.arrayContaining(read))
      expect(damage.length).toBeGreaterThan(0)
    }
  })

  it('is made of anything, and read all the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const { records: read, damage } = decodeRecords(Buffer.concat([bytes, Buffer.from('\n'), file]))

        expect(read).toEqual(records)
        expect(Buffer.concat(damage).length).toBe(bytes.length + 1)
      }),
    )
  })
})
