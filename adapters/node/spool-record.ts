import { crc32 } from './crc32.ts'

/**
 * One line of a spool's file: a CRC-32 in hexadecimal, then what happened. Later records win over earlier ones.
 *
 * `event`: an event was tracked, to be sent under this key. `batch`: events are sent under this key from now on.
 * `attempt`: from this time on (milliseconds since the epoch) the API may have stored the batch. `failed`: what was
 * attempted then has certainly not. `settled`: the API took the batch, or refused it for good.
 */
export type SpoolRecord =
  | { readonly kind: 'event'; readonly key: string; readonly id: number; readonly json: string }
  | { readonly kind: 'batch'; readonly key: string; readonly ids: readonly number[] }
  | { readonly kind: 'attempt'; readonly key: string; readonly attemptedAt: number }
  | { readonly kind: 'failed'; readonly key: string; readonly attemptedAt: number }
  | { readonly kind: 'settled'; readonly key: string }

const newline = 0x0a
const crcDigits = 8
/** Room for an event of the largest size. */
const scratch = Buffer.alloc(40 * 1024)

export function encodeRecord(record: SpoolRecord): string {
  const text = `${record.kind} ${record.key} ${detailOf(record)}`
  // No buffer is made for each record: a commit's lines are encoded together.
  const bytes = scratch.write(text)
  return `${bytes < scratch.length - 3 ? checksum(scratch, 0, bytes) : checksum(Buffer.from(text))} ${text}\n`
}

function checksum(bytes: Buffer, start?: number, end?: number): string {
  return crc32(bytes, start, end).toString(16).padStart(crcDigits, '0')
}

export interface DecodedFile {
  readonly records: SpoolRecord[]
  /** What is no record: a torn last line, or damage. */
  readonly damage: Buffer[]
}

/** Reads a file, whatever is in it: what is damaged costs no other record. */
export function decodeRecords(file: Buffer): DecodedFile {
  const records: SpoolRecord[] = []
  const damage: Buffer[] = []
  for (let start = 0, end = 0; start < file.length; start = end) {
    end = file.indexOf(newline, start) + 1 || file.length
    const line = file.subarray(start, end)
    const record = decodeLine(line)
    if (record) records.push(record)
    else damage.push(line)
  }
  return { records, damage }
}

function detailOf(record: SpoolRecord): string {
  switch (record.kind) {
    case 'event':
      return `${record.id} ${record.json}`
    case 'batch':
      return record.ids.join()
    case 'attempt':
    case 'failed':
      return String(record.attemptedAt)
    case 'settled':
      return ''
  }
}

function decodeLine(line: Buffer): SpoolRecord | undefined {
  const end = line.length - 1
  const isWhole = line[end] === newline
  if (!isWhole || line.toString('latin1', 0, crcDigits + 1) !== `${checksum(line, crcDigits + 1, end)} `)
    return undefined
  const text = line.toString('utf8', crcDigits + 1, end)
  const [, kind, key = '', detail = ''] = /^(\w+) (\S+) (.*)$/s.exec(text) ?? []
  switch (kind) {
    case 'event': {
      const space = detail.indexOf(' ')
      return { kind, key, id: Number(detail.slice(0, space)), json: detail.slice(space + 1) }
    }
    case 'batch':
      return { kind, key, ids: detail.split(',').map(Number) }
    case 'attempt':
    case 'failed':
      return { kind, key, attemptedAt: Number(detail) }
    case 'settled':
      return { kind, key }
    default:
      return undefined // of a later version of this package
  }
}
