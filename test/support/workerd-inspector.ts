export interface Inspector extends Disposable {
  /** Bytes that a worker's isolate holds after a garbage collection. */
  readonly usedBytes: () => Promise<number>
}

/** Speaks with a worker's isolate by the protocol of Chrome's developer tools. */
export async function openInspector(base: URL, worker: string): Promise<Inspector> {
  const url = new URL(`/core:user:${worker}`, base)
  url.protocol = 'ws:'
  const socket = new WebSocket(url)
  const answers = new Map<number, (result: unknown) => void>()
  let lastId = 0
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(String(data))
    answers.get(id)?.(result)
  })
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  const call = (method: string): Promise<unknown> => {
    const id = ++lastId
    socket.send(JSON.stringify({ id, method }))
    return new Promise((resolve) => answers.set(id, resolve))
  }
  return {
    async usedBytes() {
      await call('HeapProfiler.collectGarbage')
      return ((await call('Runtime.getHeapUsage')) as { usedSize: number }).usedSize
    },
    [Symbol.dispose]: () => socket.close(),
  }
}
