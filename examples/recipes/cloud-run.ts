import { createServer } from 'node:http'
import { flushAfter } from '@getfluxly/node'
import { gflux, placeOrder } from './client.ts'

// With request-based billing the CPU is gone after the response: the events leave before it. With instance-based
// billing, use `initGFluxServer` instead. https://cloud.google.com/run/docs/tips/general#background-activity
const server = createServer(async (request, response) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://service')
  const order = await flushAfter(gflux, () => placeOrder(searchParams.get('id') ?? ''), { timeoutMs: 5000 })
  response.setHeader('content-type', 'application/json').end(JSON.stringify(order))
})

server.listen(Number(process.env['PORT'] ?? 8080), () => console.log(JSON.stringify(server.address())))
