/** An application whose pages are rendered by the build unless they wait for a request: Next 16 has it. */
export const cacheComponents: Readonly<Record<string, string>> = {
  'next.config.mjs': `
    const root = process.cwd() + '/..'
    export default { cacheComponents: true, outputFileTracingRoot: root, turbopack: { root } }`,
  'app/layout.jsx': `
    export default function Layout({ children }) {
      return <html lang="en"><body>{children}</body></html>
    }`,
  'lib/gflux.js': `
    import { initGFluxVercel } from '@getfluxly/node/vercel'
    export const gflux =
      globalThis.gflux ?? initGFluxVercel({ token: 'gflux_secret_x', apiHost: process.env.GFLUX_API_HOST })`,
  'server.mjs': `
    import { createServer } from 'node:http'
    import { initGFluxVercel } from '@getfluxly/node/vercel'
    globalThis.gflux = initGFluxVercel({ token: 'gflux_secret_x', apiHost: process.env.GFLUX_API_HOST })
    gflux.track('server_started', { userId: 'user_123' })
    const { default: next } = await import('next')
    const application = next({ dir: import.meta.dirname })
    await application.prepare()
    const handle = application.getRequestHandler()
    const server = createServer((request, response) => handle(request, response)).listen(0, '127.0.0.1', () =>
      console.log('Ready, Local: http://127.0.0.1:' + server.address().port))`,
  'lib/data.js': `
    import { cacheLife } from 'next/cache'
    export async function rendering() {
      'use cache'
      cacheLife({ stale: 60, revalidate: 1, expire: 600 })
      return 'rendering ' + Date.now()
    }`,
  'app/page.jsx': `
    import { withGFlux } from '@getfluxly/node/vercel'
    import { rendering } from '../lib/data'
    import { gflux } from '../lib/gflux'
    export default withGFlux(gflux, async function Page() {
      const text = await rendering()
      await gflux.track('page_rendered', { userId: 'user_123', properties: { text } })
      return <p>{text}</p>
    })`,
  'app/quiet/page.jsx': `
    import { withGFlux } from '@getfluxly/node/vercel'
    import { rendering } from '../../lib/data'
    import { gflux } from '../../lib/gflux'
    export default withGFlux(gflux, async function Page() {
      return <p>{await rendering()}</p>
    })`,
  'app/unwrapped/page.jsx': `
    import { rendering } from '../../lib/data'
    import { gflux } from '../../lib/gflux'
    export default async function Page() {
      const text = await rendering()
      await gflux.track('page_rendered', { userId: 'user_123', properties: { text } })
      return <p>{text}</p>
    }`,
}

/** What is tested in an application besides what `examples/next` has: files by path. */
export const more: Readonly<Record<string, string>> = {
  // Rendered by the build, and again when it is older than a second.
  'app/news/page.tsx': `
    import { gflux } from '../../lib/gflux'
    export const revalidate = 1
    export default async function News() {
      await gflux.track('page_rendered', { userId: 'user_123', properties: { path: '/news' } })
      return <p>News</p>
    }`,

  'app/twins/actions.ts': `
    'use server'
    import { withGFlux } from '@getfluxly/node/vercel'
    import { gflux } from '../../lib/gflux'
    export async function join() {
      await gflux.track('newsletter_joined', { userId: 'user_123', properties: { plan: 'pro' } })
    }
    export const joinWrapped = withGFlux(gflux, join)`,
  'app/twins/page.tsx': `
    import { join, joinWrapped } from './actions'
    export default function Twins() {
      return <><form action={join} /><form action={joinWrapped} /></>
    }`,

  'app/api/edge/route.ts': `
    import { withGFlux } from '@getfluxly/node/vercel'
    import { gflux } from '../../../lib/gflux'
    export const runtime = 'edge'
    export const GET = withGFlux(gflux, async (request: Request) => {
      await gflux.track('order_placed', { userId: 'user_123', properties: { total_usd: 1 } })
      if (request.url.includes('fail')) throw new Error('on purpose')
      return Response.json({ runtime: (globalThis as { EdgeRuntime?: unknown }).EdgeRuntime })
    })`,

  'pages/api/edge-v1.ts': `
    import { withGFlux } from '@getfluxly/node/vercel'
    import { gflux } from '../../lib/gflux'
    export const config = { runtime: 'edge' }
    export default withGFlux(gflux, async (request: Request) => {
      await gflux.track('order_placed', { userId: 'user_123', properties: { total_usd: 1 } })
      if (request.url.includes('fail')) throw new Error('on purpose')
      return Response.json({ ok: true })
    })`,

  'app/api/plain/route.ts': `
    import { initGFluxNode } from '@getfluxly/node'
    import { withGFlux } from '@getfluxly/node/vercel'
    const gflux = initGFluxNode({ token: 'gflux_secret_x', apiHost: process.env.GFLUX_API_HOST })
    export const dynamic = 'force-dynamic'
    export const GET = withGFlux(gflux, () => {
      const body = new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 20))
          await gflux.track('order_exported', { userId: 'user_123' })
          controller.close()
        },
      })
      return new Response(body)
    })`,
}
