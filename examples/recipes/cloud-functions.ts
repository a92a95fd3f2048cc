import { flushAfter } from '@getfluxly/node'
import { cloudEvent, http } from '@google-cloud/functions-framework'
import { gflux, placeOrder } from './client.ts'

const timeoutMs = 5000

// The CPU is gone after the response, and the framework ends the process at once on SIGTERM: the events leave before.
http('order', async (request, response) => {
  response.json(await flushAfter(gflux, () => placeOrder(String(request.query['id'])), { timeoutMs }))
})

// A background function is over when its promise resolves.
cloudEvent<{ id: string }>('order-event', async (event: { data?: { id: string } | undefined }) => {
  await flushAfter(gflux, () => placeOrder(event.data?.id ?? ''), { timeoutMs })
})
