/**
 * A child process that takes batches as the API does and answers at once, so that the server does not share the event
 * loop of what is measured. Listens twice: each side of a comparison gets an origin, connections and counts of its own.
 *
 * Argument: milliseconds that each request takes, in place of an answer at once.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ServerCounts {
  requests: number
  events: number
  connections: number
  maxInFlight: number
}

export type ServerMessage = { urls: string[] } | { counts: ServerCounts[] }

const latencyMs = Number(process.argv[2] ?? 0)
const sides = [serveBatches(), serveBatches()]
const send = (message: ServerMessage): boolean | undefined => process.send?.(message)

process.on('message', () => send({ counts: sides.map(({ counts }) => counts) }))
process.once('disconnect', () => process.exit())
const urls = await Promise.all(sides.map(({ server }) => listen(server)))
send({ urls })

function serveBatches(): { server: Server; counts: ServerCounts } {
  const counts: ServerCounts = { requests: 0, events: 0, connections: 0, maxInFlight: 0 }
  let inFlight = 0
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    counts.requests++
    counts.maxInFlight = Math.max(counts.maxInFlight, ++inFlight)
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { events } = JSON.parse(Buffer.concat(chunks).toString()) as { events: unknown[] }
      counts.events += events.length
      const answer = (): void => {
        inFlight--
        response.writeHead(202, { 'content-type': 'application/json' })
        response.end(
          JSON.stringify({ accepted: events.length, rejected: 0, request_id: `req_${counts.requests}` }),
        )
      }
      // Answered a turn later at least: requests that came together are seen in flight together.
      if (latencyMs) setTimeout(answer, latencyMs)
      else setImmediate(answer)
    })
  })
  server.on('connection', () => counts.connections++)
  return { server, counts }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
