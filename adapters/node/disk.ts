import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Where a part alone fits, the rest is tried for its error; a note could come between, so it has failed either way. */
export async function write(file: FileHandle, content: Buffer): Promise<void> {
  const { bytesWritten } = await file.write(content)
  if (bytesWritten === content.length) return
  await file.write(content, bytesWritten)
  throw new Error('A part alone could be written')
}

export async function openForAppend(path: string): Promise<{ file: FileHandle; bytes: number }> {
  const file = await open(path, 'a', 0o600)
  try {
    const { size: bytes } = await file.stat()
    await syncDirectory(path)
    return { file, bytes }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Puts another file in the place of this one, at once and durable, and gives it open for more. */
export async function replaceFile(path: string, contentOf: () => Buffer): Promise<FileHandle> {
  const temporary = `${path}.tmp`
  let file: FileHandle | undefined
  try {
    file = await open(temporary, 'ax', 0o600)
    await write(file, contentOf())
    await file.datasync()
    await rename(temporary, path)
    await syncDirectory(path)
    return file
  } catch (error) {
    await file?.close()
    await unlink(temporary).catch(() => undefined) // it may not be there
    throw error
  }
}

/** A new name in a directory is durable when the directory is. Windows can't sync one, and need not. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
