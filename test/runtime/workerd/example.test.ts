import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { expect, inject, it } from 'vitest'
import { crossTalk, openWorkerd, until } from '../../support/workerd.ts'

const folder = resolve(import.meta.dirname, '../../../examples/cloudflare')

interface Wrangler {
  readonly main: string
  readonly compatibility_date: string
  readonly queues: {
    readonly producers: readonly { readonly binding: string; readonly queue: string }[]
    readonly consumers: readonly { readonly queue: string; readonly max_batch_timeout: number }[]
  }
  readonly durable_objects: {
    readonly bindings: readonly { readonly name: string; readonly class_name: string }[]
  }
}

/** What `wrangler deploy` would make of it: one module, of the built package. */
async function bundle(main: string): Promise<string> {
  const packageRoot = inject('packageRoot')
  const { outputFiles } = await build({
    entryPoints: [join(folder, main)],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    alias: {
      '@getfluxly/node/cloudflare': join(packageRoot, 'dist/cloudflare.js'),
      '@getfluxly/node': join(packageRoot, 'dist/index.js'),
    },
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}

it('the example delivers its events: a page’s, an object’s, a queue’s and a cron’s', async () => {
  const text = await readFile(join(folder, 'wrangler.jsonc'), 'utf8')
  const wrangler = JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, '')) as Wrangler
  const { queues, durable_objects: objects } = wrangler
  await using worker = await openWorkerd({
    packageRoot: inject('packageRoot'),
    script: await bundle(wrangler.main),
    compatibilityDate: wrangler.compatibility_date,
    options: {
      bindings: { GFLUX_SERVER_TOKEN: 'gflux_secret_x' },
      queueProducers: Object.fromEntries(queues.producers.map(({ binding, queue }) => [binding, queue])),
      queueConsumers: Object.fromEntries(
        queues.consumers.map((consumer) => [consumer.queue, { maxBatchTimeout: consumer.max_batch_timeout }]),
      ),
      durableObjects: Object.fromEntries(
        objects.bindings.map(({ name, class_name: className }) => [name, { className, useSQLite: true }]),
      ),
    },
  })
  worker.ingest.fail({ status: 503, times: 2 })

  const cart = JSON.parse(await worker.get('/add?user=ada&item=lamp'))
  const order = JSON.parse(await worker.get('/order?user=ada'))
  const { outcome } = await worker.scheduled()
  await until(() => worker.ingest.stats.stored === 4)

  expect([cart, order, outcome]).toEqual([['lamp'], { ordered: ['lamp'] }, 'ok'])
  expect(worker.ingest.events.map(({ event }) => event).sort()).toEqual([
    'item_added',
    'order_placed',
    'order_shipped',
    'shop_checked',
  ])
  expect(worker.output.join('')).not.toMatch(crossTalk)
})
