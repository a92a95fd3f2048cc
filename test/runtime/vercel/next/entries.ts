/** Where a request enters the application, and how to get there. */
export interface Entry {
  /** What it tracks. */
  readonly event: string
  /** Asks for it, and resolves to the response's status when the body is complete. */
  readonly ask: (url: string) => Promise<number>
  readonly status: number
  /** Makes the handler throw, after it tracked. */
  readonly fail?: (url: string) => Promise<number>
  readonly failureStatus?: number
}

async function statusOf(url: string, init?: RequestInit): Promise<number> {
  const response = await fetch(url, { redirect: 'manual', ...init })
  await response.arrayBuffer()
  return response.status
}

/** Submits the form as a browser without JavaScript does. */
async function submit(url: string, plan: string): Promise<number> {
  const page = await (await fetch(`${url}/checkout`)).text()
  const [, action = ''] = /name="(\$ACTION_ID_\w+)"/.exec(page) ?? []
  const body = new FormData()
  body.append(action, '')
  body.append('plan', plan)
  return await statusOf(`${url}/checkout`, { method: 'POST', body })
}

export const entries: Readonly<Record<string, Entry>> = {
  'a route handler': {
    event: 'order_placed',
    ask: (url) => statusOf(`${url}/api/orders`, { method: 'POST', body: '{"total":1}' }),
    status: 200,
    fail: (url) => statusOf(`${url}/api/orders`, { method: 'POST', body: '{"total":-1}' }),
    failureStatus: 500,
  },
  'a streamed body': {
    event: 'order_exported',
    ask: (url) => statusOf(`${url}/api/orders`),
    status: 200,
  },
  'a page': {
    event: 'page_rendered',
    ask: (url) => statusOf(`${url}/checkout`),
    status: 200,
    fail: (url) => statusOf(`${url}/checkout?order=unknown`),
    failureStatus: 404,
  },
  'a server action': {
    event: 'newsletter_joined',
    ask: (url) => submit(url, 'pro'),
    status: 303,
    fail: (url) => submit(url, 'none'),
    failureStatus: 500,
  },
  'a Pages API route': {
    event: 'order_placed',
    ask: (url) => statusOf(`${url}/api/orders-v1?total=1`),
    status: 200,
    fail: (url) => statusOf(`${url}/api/orders-v1?total=-1`),
    failureStatus: 500,
  },
  'a proxy': {
    event: 'request_seen',
    ask: (url) => statusOf(`${url}/guarded`),
    status: 404,
    fail: (url) => statusOf(`${url}/guarded?fail`),
    failureStatus: 500,
  },
  'an Edge function': {
    event: 'order_placed',
    ask: (url) => statusOf(`${url}/api/edge`),
    status: 200,
    fail: (url) => statusOf(`${url}/api/edge?fail`),
    failureStatus: 500,
  },
  'a Pages API route on Edge': {
    event: 'order_placed',
    ask: (url) => statusOf(`${url}/api/edge-v1`),
    status: 200,
    fail: (url) => statusOf(`${url}/api/edge-v1?fail`),
    failureStatus: 500,
  },
  'a streamed body with a client of the core': {
    event: 'order_exported',
    ask: (url) => statusOf(`${url}/api/plain`),
    status: 200,
  },
}
