import { initGFluxNode } from '@getfluxly/node'
import { EVENT_INPUT, EVENT_NAME, ONLY_QUEUE } from './sample.ts'

/** The bodies that go out for this many of the sample event. */
export async function captureBodies(events: number): Promise<string[]> {
  const bodies: string[] = []
  const gflux = initGFluxNode({
    ...ONLY_QUEUE,
    fetch: async (_url, { body }) => {
      bodies.push(body)
      return Response.json({ accepted: JSON.parse(body).events.length, rejected: 0 }, { status: 202 })
    },
  })
  for (let index = 0; index < events; index++) void gflux.track(EVENT_NAME, EVENT_INPUT)
  await gflux.flush()
  return bodies
}
