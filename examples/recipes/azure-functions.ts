import { app, type HttpRequest } from '@azure/functions'
import { flushAfter } from '@getfluxly/node'
import { gflux, placeOrder } from './client.ts'

app.http('order', {
  methods: ['POST'],
  handler: async (request: HttpRequest) => ({ jsonBody: await placeOrder(request.query.get('id') ?? '') }),
})

// The host waits for the hook, whichever function it was.
// https://learn.microsoft.com/azure/azure-functions/functions-reference-node#hooks
app.hook.postInvocation(() => flushAfter(gflux, undefined, { timeoutMs: 5000 }))
