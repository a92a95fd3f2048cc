import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { ServerCounts, ServerMessage } from './ingest-server.ts'

export interface IngestProcess {
  /** One for each side of a comparison. */
  readonly urls: readonly [string, string]
  readonly counts: () => Promise<readonly [ServerCounts, ServerCounts]>
  readonly stop: () => void
}

/** @param latencyMs what each request takes */
export async function startIngestProcess(latencyMs = 0): Promise<IngestProcess> {
  const server = fork(new URL('./ingest-server.ts', import.meta.url), [String(latencyMs)])
  const nextMessage = async <Message extends ServerMessage>(): Promise<Message> => {
    const [message] = await once(server, 'message', { signal: AbortSignal.timeout(10_000) })
    return message as Message
  }
  const { urls } = await nextMessage<{ urls: [string, string] }>()
  return {
    urls,
    async counts() {
      server.send('counts')
      const { counts } = await nextMessage<{ counts: [ServerCounts, ServerCounts] }>()
      return counts
    },
    stop: () => server.disconnect(),
  }
}
