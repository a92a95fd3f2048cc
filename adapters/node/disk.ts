import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Where a part alone fits, the rest is tried for its error; a note could come between, so it has failed either way. */
export async function write(file: FileHandle, content: Buffer): Promise<void> {
  const { bytesWritten } = await file.write(content)
  if (bytesWritten === content.length) return
  await file.write(content, bytesWritten)
  throw new Error('A part alone could be written')
}

/** A new name in a directory is durable when the directory is. Windows can't sync one, and need not. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
